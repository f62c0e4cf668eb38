extension Html {
  /// The page's style sheet: light and dark, for screens of any width and for paper.
  static let style: Html = """
    :root{color-scheme:light dark;--paper:#f6f7f9;--card:#fff;--ink:#171a21;--muted:#5b6472;--line:#dde1e7;--track:#eef0f4;
    --model:#2457d6;--o0:#b4540a;--off:#6b7280;--good:#12734a;--bad:#b3261e;--badpaper:#fdeceb;
    --o1:#7c3fc4;--o2:#0b7285;--o3:#7a6512;--o4:#b0277a;--hs:70%;--hl:76%}
    @media (prefers-color-scheme:dark){:root{--paper:#0f1217;--card:#171b22;--ink:#e8ebf0;--muted:#9aa4b2;--line:#2a303a;
    --track:#222832;--model:#7aa2ff;--o0:#f0a35e;--off:#a3acb9;--good:#5fd39b;--bad:#ff8a80;--badpaper:#331b1b;
    --o1:#c4a0f5;--o2:#4fc3d4;--o3:#d6bf4e;--o4:#f08cc8;--hs:45%;--hl:26%}}
    *{box-sizing:border-box}[hidden]{display:none!important}
    body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,
    "Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums}
    main{max-width:1080px;margin:0 auto;padding:2.5rem 1.25rem 4rem}
    h1{font-size:clamp(1.6rem,4vw,2.3rem);line-height:1.15;letter-spacing:-.02em;margin:.2rem 0 .6rem;overflow-wrap:anywhere}
    h2{font-size:1.3rem;letter-spacing:-.01em;margin:3rem 0 1rem}
    h3{font-size:1rem;margin:0}
    p{margin:.4rem 0;max-width:72ch}a{color:var(--model)}
    .eyebrow{color:var(--muted);font-size:.8rem;font-weight:600;letter-spacing:.08em;text-transform:uppercase;margin:0}
    .lead{font-size:1.1rem}
    .muted,figcaption p,caption{color:var(--muted)}
    .card{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:1.1rem 1.2rem;margin:0;min-width:0}
    .tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(200px,1fr));gap:1rem;margin:1.6rem 0 0}
    .tile p{margin:0;font-size:.88rem;color:var(--muted);overflow-wrap:anywhere}
    .tile strong{display:block;font-size:1.9rem;line-height:1.25;letter-spacing:-.02em}
    .tile.good strong{color:var(--good)}.tile.bad strong{color:var(--bad)}
    .charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,400px),1fr));gap:1rem}
    figcaption p{margin:.15rem 0 0;font-size:.88rem}
    .legend{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;list-style:none;margin:.5rem 0 0;padding:0;font-size:.85rem}
    .legend i{display:inline-block;width:.75em;height:.75em;margin-right:.45em;border-radius:50%;background:var(--c)}
    .legend .s-o0 i{border-radius:1px}.legend .s-off i{border-radius:1px;transform:rotate(45deg) scale(.9)}.legend .s-single i{border-radius:0;clip-path:polygon(50% 0,100% 100%,0 100%)}
    .legend .s-o1 i{border-radius:0;clip-path:polygon(0 0,100% 0,50% 100%)}
    .legend .s-o2 i{border-radius:0;clip-path:polygon(35% 0,65% 0,65% 35%,100% 35%,100% 65%,65% 65%,65% 100%,35% 100%,35% 65%,0 65%,0 35%,35% 35%)}
    .legend .s-o3 i{border-radius:0;clip-path:polygon(0 0,100% 0,0 100%,100% 100%)}
    .legend .s-o4 i{border-radius:0;clip-path:polygon(0 0,0 100%,100% 0,100% 100%)}
    .c0{--c:var(--model)}.c1{--c:var(--o0)}.c2{--c:var(--good)}.c3{--c:var(--off)}.c4{--c:var(--bad)}
    .c5{--c:var(--o1)}.c6{--c:var(--o2)}.c7{--c:var(--o3)}
    .c8{--c:var(--model)}.c9{--c:var(--o0)}.c10{--c:var(--good)}.c11{--c:var(--off)}.c12{--c:var(--bad)}
    .c13{--c:var(--o1)}.c14{--c:var(--o2)}.c15{--c:var(--o3)}
    .legend :is(.c8,.c9,.c10,.c11,.c12,.c13,.c14,.c15) i{border-radius:1px}
    svg .c1 polyline{stroke-dasharray:7 4}svg .c2 polyline{stroke-dasharray:2 4}svg .c3 polyline{stroke-dasharray:9 3 2 3}
    svg .c4 polyline{stroke-dasharray:4 2}svg .c5 polyline{stroke-dasharray:12 4}svg .c6 polyline{stroke-dasharray:1 3}
    svg .c8 polyline{stroke-dasharray:14 3 2 3}svg .c9 polyline{stroke-dasharray:1 5}svg .c10 polyline{stroke-dasharray:6 6}
    svg .c11 polyline{stroke-dasharray:10 2 4 2}svg .c12 polyline{stroke-dasharray:3 6}svg .c13 polyline{stroke-dasharray:16 6}
    svg .c14 polyline{stroke-dasharray:5 2 1 2}svg .c15 polyline{stroke-dasharray:8 2}
    .charts+.card{margin-top:1rem}
    .heat td,.heat thead th:not(:first-child){text-align:center;padding:.3rem .35rem}
    .heat td[style]{background:hsl(var(--h) var(--hs) var(--hl))}
    .conf td,.conf thead th:not(:first-child){text-align:center;padding:.25rem .1rem;min-width:1.7rem;font-size:.8rem}
    .conf td[style]{background:hsl(4 65% 50%/var(--a))}.conf td.d{background:hsl(222 70% 55%/var(--a))}
    .conf{table-layout:fixed}.conf th:first-child{width:6rem;white-space:normal;overflow-wrap:anywhere}
    .verdict strong{font-size:1.15rem;padding:.1rem .45rem;border-radius:6px;background:hsl(var(--h) var(--hs) var(--hl))}
    .n,.verdict strong{white-space:nowrap}.card+.charts{margin-top:1rem}
    th small{display:block;color:var(--muted);font-weight:400;font-size:.8rem}
    .good{color:var(--good)}.bad{color:var(--bad)}.beside{margin-top:1rem}.beside td:nth-child(2){text-align:left}
    .contents{display:flex;flex-wrap:wrap;gap:.3rem .5rem;list-style:none;margin:1rem 0;padding:0;font-size:.88rem}
    .contents a,.tools button{display:block;padding:.15rem .6rem;border:1px solid var(--line);border-radius:99px;background:var(--card);
    color:var(--model);text-decoration:none;font:inherit}.tools{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:center;font-size:.88rem}
    .tools button{display:inline-block;cursor:pointer}.tools select{font:inherit;max-width:min(70vw,24rem);color:inherit;background:var(--card);
    border:1px solid var(--line);border-radius:6px;padding:.15rem .3rem}
    .part{border:0;border-top:1px solid var(--line);margin-top:1.4rem;padding:0;font-size:1rem}
    .part>summary{width:auto;padding:.8rem 0;color:var(--ink)}.part>summary h2{display:inline;margin:0}
    .part>div{scroll-margin-top:4rem}.hint{margin-left:.8rem;color:var(--muted);font-weight:400;font-size:.9rem}
    .badge{display:inline-block;min-width:4.2rem;text-align:center;border-radius:6px;padding:0 .4rem;font-size:.78rem;color:#fff;background:#5b6472}
    .badge.high{background:#a3221b}.badge.medium{background:#9a4a08}
    .findings section{margin:.9rem 0}.findings ul,.noted ul{padding-left:1.2rem;margin:.3rem 0}.advice{margin:.2rem 0}
    .noted{border-color:var(--o0)}.forest .plot{width:230px;min-width:140px}.forest .plot svg{margin:0}
    .f-better{--c:var(--good)}.f-worse{--c:var(--bad)}.f-none{--c:var(--off)}
    .s-chance{--c:var(--muted)}.s-attacked{--c:var(--bad)}
    .s-model{--c:var(--model)}.s-o0{--c:var(--o0)}.s-off{--c:var(--off)}.s-single{--c:var(--good)}
    .s-o1{--c:var(--o1)}.s-o2{--c:var(--o2)}.s-o3{--c:var(--o3)}.s-o4{--c:var(--o4)}
    svg{display:block;width:100%;height:auto;margin:.8rem 0 .4rem;overflow:visible}
    svg text{fill:var(--ink);font-size:13px}
    svg .tick,svg .axis{fill:var(--muted);font-size:12px}svg .count{fill:var(--muted);font-size:10px}
    svg .label{font-size:14px;font-weight:600}svg .value{font-size:13px}
    svg .grid{stroke:var(--line)}svg .diagonal{stroke:var(--muted);stroke-dasharray:3 4}
    svg polyline{fill:none;stroke:var(--c);stroke-width:2}
    svg .s-o0 polyline{stroke-dasharray:7 4}svg .s-off polyline{stroke-dasharray:2 4}svg .s-single polyline{stroke-dasharray:9 3 2 3}
    svg .s-o1 polyline{stroke-dasharray:12 4}svg .s-o2 polyline{stroke-dasharray:4 2}svg .s-o3 polyline{stroke-dasharray:1 3}
    svg .s-o4 polyline{stroke-dasharray:12 3 3 3 3 3}svg .s-chance polyline{stroke-dasharray:2 5;stroke-width:1.5}svg .s-attacked polyline{stroke-dasharray:6 2}
    svg circle,svg rect,svg path{fill:var(--c)}
    svg .track{fill:var(--track)}svg .faint{opacity:.35}
    svg .whisker{stroke:var(--c);stroke-width:1.5;opacity:.65}
    svg .bar+.whisker{stroke:var(--ink);opacity:.75}
    details{border-top:1px solid var(--line);margin-top:.6rem;padding-top:.5rem;font-size:.88rem}
    summary{cursor:pointer;color:var(--muted);font-weight:600;width:fit-content}
    summary:focus-visible,.scroll:focus-visible,a:focus-visible{outline:2px solid var(--model);outline-offset:3px;border-radius:4px}
    .scroll{overflow-x:auto}
    table{border-collapse:collapse;width:100%;font-size:.88rem}
    caption{text-align:left;padding:.3rem 0;font-size:.82rem}
    th,td{padding:.35rem .7rem .35rem 0;text-align:right;border-bottom:1px solid var(--line);overflow-wrap:break-word}
    th:first-child,td:first-child{text-align:left}tbody th{font-weight:500;min-width:5.8rem;max-width:24rem;overflow-wrap:anywhere}.conf tbody th,.heat tbody th{min-width:0}
    .stack td:not(.n){overflow-wrap:anywhere}
    .wordy td:last-child,.wordy th:last-child{text-align:left;padding-left:.7rem;overflow-wrap:anywhere}
    thead th{color:var(--muted);font-weight:600;vertical-align:bottom}
    svg.bars{max-width:780px}.bars+.bars{margin-top:-.4rem}
    .checks{list-style:none;margin:0;padding:0}
    .checks li{display:grid;grid-template-columns:1.7rem 1fr;padding:.55rem 0;border-bottom:1px solid var(--line)}
    .checks li>*{min-width:0;overflow-wrap:anywhere}.checks li:last-child{border:0}.checks code{color:var(--muted)}
    .checks .mark{font-weight:700;color:var(--good)}.checks .failed .mark{color:var(--bad)}
    .findings{background:var(--badpaper);border-color:var(--bad)}
    .sentences{padding-left:1.2rem;margin:.2rem 0}.sentences li,.findings li{margin:.3rem 0;overflow-wrap:anywhere}
    .gallery{display:grid;grid-template-columns:repeat(auto-fill,minmax(250px,1fr));gap:.9rem}
    .gallery div{display:flex;gap:6px}
    .gallery img{flex:1;min-width:0;width:0;height:auto;aspect-ratio:1;object-fit:contain;image-rendering:pixelated;border-radius:5px;background:#000}
    .gallery p{font-size:.82rem;margin:.35rem 0 0}.gallery .broken{color:var(--bad);font-weight:600}
    code,pre{font:.86em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
    pre{white-space:pre-wrap;background:var(--track);border-radius:8px;padding:.8rem 1rem;margin:.4rem 0 1rem}
    dl{display:grid;grid-template-columns:max-content 1fr;gap:.3rem 1.2rem;margin:0}
    dt{color:var(--muted)}dd{margin:0;min-width:0;overflow-wrap:anywhere}
    @media (max-width:700px){.stack,.stack tbody,.stack tr,.stack th,.stack td{display:block;text-align:left}.stack thead{display:none}.stack caption{display:block}.n{white-space:normal}
    .stack tr{padding:.5rem 0;border-bottom:1px solid var(--line)}.stack th,.stack td{border:0;padding:.1rem 0;overflow-wrap:anywhere}
    .stack td[data-l]::before{content:attr(data-l) ": ";color:var(--muted)}.stack .plot{width:100%}.stack tbody th{font-weight:700}
    .wordy td:last-child,.wordy th:last-child{padding-left:0}table:not(.stack) th,table:not(.stack) td{padding-right:.35rem}
    .hint{display:block;margin-left:0}}
    @media screen and (max-width:900px){.forest.stack,.forest tbody,.forest tr,.forest th,.forest td{display:block;text-align:left}.forest thead{display:none}.forest caption{display:block}
    .forest tr{padding:.5rem 0;border-bottom:1px solid var(--line)}.forest th,.forest td{border:0;padding:.1rem 0}.forest tbody th{font-weight:700}
    .forest td[data-l]::before{content:attr(data-l) ": ";color:var(--muted)}.forest .plot{width:100%;max-width:28rem}}
    @media (max-width:560px){table{font-size:.8rem}tbody th{overflow-wrap:anywhere}.conf td,.conf thead th:not(:first-child){font-size:.66rem;min-width:0;padding:.2rem 0}
    .conf th:first-child{width:3.4rem}.heat td,.heat thead th:not(:first-child){padding:.25rem .1rem;font-size:.74rem}
    main{padding:1.5rem .9rem 3rem}.card{padding:.9rem}svg text,svg .tick,svg .axis{font-size:15px}
    svg .count{font-size:13px}svg .label{font-size:22px}svg .value{font-size:19px}dl{grid-template-columns:1fr;gap:0}
    dd{margin-bottom:.5rem}}
    @media print{:root{color-scheme:light;--hs:70%;--hl:76%;--paper:#fff;--card:#fff;--ink:#000;--muted:#444;--line:#bbb;--track:#eee;
    --model:#2457d6;--o0:#b4540a;--off:#6b7280;--good:#12734a;--bad:#b3261e;--badpaper:#fdeceb;
    --o1:#7c3fc4;--o2:#0b7285;--o3:#7a6512;--o4:#b0277a}
    @page{margin:14mm}html{font-size:11px}body{font-size:9.5pt}main{max-width:none;padding:0}
    h2,h3,figcaption,caption,summary,thead,.part>summary,p.muted:not(:last-child),.card>p:not(:last-child){break-after:avoid}h2{margin:1.6rem 0 .7rem}
    tbody tr:nth-child(-n+2){break-before:avoid}li,tr,svg,figcaption,.tile,.gallery,.findings{break-inside:avoid}
    .card{border-radius:6px;padding:.7rem .8rem}figcaption,figure svg:not(.bars){break-after:avoid}
    .charts{grid-template-columns:1fr 1fr}.charts table{font-size:6pt;line-height:1.3}.charts td,.charts th{padding:.08rem .3rem .08rem 0}.gallery{grid-template-columns:repeat(4,1fr)}.tiles{grid-template-columns:repeat(4,1fr)}
    svg.bars{max-width:560px}.scroll{overflow:visible}table{font-size:8pt}th,td{white-space:normal;padding:.2rem .4rem .2rem 0}tbody th{overflow-wrap:anywhere;min-width:9rem}
    thead{display:table-header-group}.wordy td:last-child,.wordy th:last-child{min-width:0}.heat td{padding:.2rem}
    nav,.tools,.part:not([open]),details:not([open]){display:none}.part{margin-top:.8rem}.part>summary{list-style:none;padding:.4rem 0}
    .stack,.stack tbody{font-size:8pt}.conf td{padding:.1rem}.verdict strong{font-size:9pt}.tile{break-inside:avoid}
    *{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
    """
}
