import DitherBasics
import Foundation

/// The one script of a page. It shows and hides what is there already: the page is whole without it. A page names its
/// hash, so that a browser runs no other.
public struct PageScript: Sendable {
  /// As it stands in the page; without `<`.
  let text: String
  /// `sha256-…`, as a content security policy names it.
  public let source: String

  init(_ text: String) {
    self.text = text
    source = "sha256-\(Data(Sha256.hash(text.utf8).bytes).base64EncodedString())"
  }

  /// The report's: opens what a link leads to, filters the examples that fail, opens and closes all sections, and says
  /// the file's date where the page is a file.
  public static let report = PageScript(
    """
    (function(){
    var d=document,all=function(s){return [].slice.call(d.querySelectorAll(s))},get=function(i){return d.getElementById(i)};
    function reveal(){var t=location.hash.length>1&&get(location.hash.slice(1));
    if(t){for(var n=t;n;n=n.parentElement)if(n.tagName==='DETAILS')n.open=true;t.scrollIntoView()}}
    window.addEventListener('hashchange',reveal);reveal();
    all('.tools').forEach(function(t){t.hidden=false});
    all('[data-open]').forEach(function(b){b.addEventListener('click',function(){
    all('details.part').forEach(function(p){p.open=b.dataset.open==='all'})})});
    var rows=all('#failing tbody tr'),c=get('by-class'),p=get('by-probe'),s=get('shown');
    function filter(){var n=0;rows.forEach(function(r){
    var ok=(!c.value||r.dataset.c===c.value)&&(!p.value||(' '+r.dataset.p+' ').indexOf(' '+p.value+' ')>=0);
    r.hidden=!ok;if(ok)n++});s.textContent=n+' of '+rows.length+' shown'}
    if(c&&p&&s){c.addEventListener('change',filter);p.addEventListener('change',filter);filter()}
    })();
    """)
}
