/// The console's only script. It asks nobody but this server, by the calls at `/v1`, with the cookie of the sign-in.
enum ConsoleScript {
  static let text = #"""
    'use strict';
    const encode = bytes => {
      let text = '';
      for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
      return btoa(text);
    };
    async function call(method, message) {
      const answer = await fetch('/v1/' + method, {
        method: 'POST', headers: {'content-type': 'application/json'}, body: JSON.stringify(message)});
      const body = await answer.json();
      if (answer.ok) return body;
      if (answer.status === 401) throw new Stranger();
      throw new Error(body.error || answer.statusText);
    }
    class Stranger extends Error {}
    function tell(place, error) {
      place.classList.add('failed');
      if (!(error instanceof Stranger)) { place.textContent = error.message; return; }
      const link = document.createElement('a');
      [link.href, link.textContent] = ['/sign-in', 'sign in'];
      place.replaceChildren('this takes a token: ', link);
    }

    // A picture to draw, or to choose.
    function picture(form, shape) {
      const pad = form.querySelector('canvas'), pen = pad.getContext('2d'), [channels, height, width] = shape;
      // A chosen picture is sent as it is, until something is drawn on it.
      let chosen = null, isDown = false;
      const clear = () => { pen.fillStyle = '#000'; pen.fillRect(0, 0, pad.width, pad.height); chosen = null; };
      const place = event => {
        const box = pad.getBoundingClientRect();
        return [(event.clientX - box.left) * pad.width / box.width, (event.clientY - box.top) * pad.height / box.height];
      };
      clear();
      pad.addEventListener('pointerdown', event => {
        isDown = true; chosen = null;
        pad.setPointerCapture(event.pointerId);
        pen.strokeStyle = '#fff'; pen.lineWidth = 22; pen.lineCap = pen.lineJoin = 'round';
        pen.beginPath(); pen.moveTo(...place(event)); pen.lineTo(...place(event)); pen.stroke();
        event.preventDefault();
      });
      pad.addEventListener('pointermove', event => {
        if (isDown) { pen.lineTo(...place(event)); pen.stroke(); }
      });
      for (const end of ['pointerup', 'pointercancel']) {
        pad.addEventListener(end, () => { if (isDown) { isDown = false; form.requestSubmit(); } });
      }
      form.querySelector('.clear').addEventListener('click', () => {
        clear(); form.querySelector('.answer').replaceChildren();
      });
      form.querySelector('input[type=file]').addEventListener('change', async event => {
        const file = event.target.files[0];
        if (!file) return;
        try {
          const image = await createImageBitmap(file);
          clear();
          pen.drawImage(image, 0, 0, pad.width, pad.height);
          chosen = image;
          form.requestSubmit();
        } catch { tell(form.querySelector('.answer'), new Error('this is no picture that the browser reads')); }
      });
      // A drawing is brought to the middle, as digits of MNIST are.
      const bounds = () => {
        const {data} = pen.getImageData(0, 0, pad.width, pad.height);
        let [left, top, right, bottom] = [pad.width, pad.height, -1, -1];
        for (let y = 0; y < pad.height; y++) for (let x = 0; x < pad.width; x++) {
          if (data[4 * (y * pad.width + x)] > 30) {
            left = Math.min(left, x); right = Math.max(right, x); top = Math.min(top, y); bottom = Math.max(bottom, y);
          }
        }
        return right < 0 ? null : [left, top, right - left + 1, bottom - top + 1];
      };
      return () => {
        const small = document.createElement('canvas');
        [small.width, small.height] = [width, height];
        const scaled = small.getContext('2d');
        scaled.imageSmoothingQuality = 'high';
        scaled.fillRect(0, 0, width, height);
        const box = !chosen && channels === 1 ? bounds() : null;
        if (box) {
          const factor = Math.min(width, height) * 20 / 28 / Math.max(box[2], box[3]);
          const [w, h] = [box[2] * factor, box[3] * factor];
          scaled.drawImage(pad, ...box, (width - w) / 2, (height - h) / 2, w, h);
        } else scaled.drawImage(chosen || pad, 0, 0, width, height);
        const {data} = scaled.getImageData(0, 0, width, height), bytes = new Uint8Array(channels * height * width);
        const isInverted = form.elements.inverted.checked;
        for (let at = 0; at < height * width; at++) {
          const rgb = [data[4 * at], data[4 * at + 1], data[4 * at + 2]];
          const gray = Math.round(0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]);
          for (let channel = 0; channel < channels; channel++) {
            const value = channels === 1 ? gray : rgb[channel];
            bytes[channel * height * width + at] = isInverted ? 255 - value : value;
          }
        }
        return {type: 'UINT8', shape: [1, ...shape], data: encode(bytes)};
      };
    }

    function row(form, shape) {
      return () => {
        const words = form.elements.row.value.split(/[\s,;]+/).filter(word => word), numbers = words.map(Number);
        const wanted = shape.reduce((a, b) => a * b, 1), odd = numbers.findIndex(number => !Number.isFinite(number));
        if (odd >= 0) throw new Error(`expected numbers, got '${words[odd].slice(0, 40)}'`);
        if (numbers.length !== wanted) throw new Error(`expected ${wanted} numbers, got ${numbers.length}`);
        return {type: 'FLOAT32', shape: [1, ...shape], data: encode(new Uint8Array(new Float32Array(numbers).buffer))};
      };
    }

    const element = (name, text, css) => {
      const made = document.createElement(name);
      if (text !== undefined) made.textContent = text;
      if (css) made.className = css;
      return made;
    };

    function show(place, answer, labels) {
      const found = answer.predictions[0], measures = {}, list = element('dl');
      for (const measure of found.measures || []) measures[measure.name] = (measure.values || []).map(Number);
      const fact = (name, value) => list.append(element('dt', name), element('dd', value));
      place.replaceChildren();
      place.classList.remove('failed');
      const mean = found.probabilities || found.values || [], spread = measures.std || [];
      if (found.probabilities) {
        const bars = element('div', undefined, 'bars'), set = new Set(found.prediction_set || []);
        const order = mean.map((_, at) => at).sort((a, b) => mean[b] - mean[a]).slice(0, 10).sort((a, b) => a - b);
        for (const at of order) {
          const bar = element('i'), whisker = element('b');
          bar.style.width = `${100 * mean[at]}%`;
          if (spread[at]) {
            const low = Math.max(mean[at] - spread[at], 0), high = Math.min(mean[at] + spread[at], 1);
            whisker.style.left = `${100 * low / Math.max(mean[at], 1e-9)}%`;
            whisker.style.width = `${100 * (high - low) / Math.max(mean[at], 1e-9)}%`;
            bar.append(whisker);
          }
          const name = (labels[at] || `class ${at}`) + (set.has(at) ? ' ∈ set' : '');
          const track = element('span');
          track.append(bar);
          bars.append(
            element('span', name, at === (found.label || 0) ? 'best' : ''), track,
            element('span', `${(100 * mean[at]).toFixed(1)} %${spread[at] ? ` ± ${(100 * spread[at]).toFixed(1)}` : ''}`));
        }
        place.append(bars);
        if (answer.set_kind) {
          const inside = [...set].map(at => labels[at] || `class ${at}`).join(', ');
          fact('prediction set', inside || 'empty: none is as likely as the true class was in the calibration');
        }
      } else mean.forEach((value, at) => {
        const [low, high] = [measures.conformal_lower, measures.conformal_upper].map(ends => (ends || [])[at]);
        const held = low === undefined ? '' : `, as often as asked from ${low} to ${high}`;
        fact(labels[at] || `value ${at}`, `${value}${spread[at] ? ` ± ${spread[at]}` : ''}${held}`);
      });
      for (const [name, words] of [
        ['predictive_entropy', 'total doubt (entropy)'], ['expected_entropy', 'of it in the data (aleatoric)'],
        ['mutual_information', 'of it in the model (epistemic)'], ['standard_error', 'Monte-Carlo error']]) {
        fact(words, measures[name] ? measures[name][0].toPrecision(3) : '–');
      }
      fact('draws', answer.samples || 0);
      place.append(list);
    }

    for (const form of document.querySelectorAll('form.trial')) {
      const shape = form.dataset.shape.split(',').map(Number), labels = JSON.parse(form.dataset.labels);
      const input = form.querySelector('canvas') ? picture(form, shape) : row(form, shape);
      const place = form.querySelector('.answer');
      let turn = 0;
      form.addEventListener('submit', async event => {
        event.preventDefault();
        const own = ++turn, most = Number(form.elements.samples.value);
        try {
          const asked = {model: form.dataset.model, input: input(), seed: '1'};
          const coverage = form.elements.coverage && Number(form.elements.coverage.value);
          // More and more draws of one seed: what is shown first is the beginning of what follows. A calibration holds
          // for as many draws as it was made with: the set comes with the last.
          for (let samples = Math.min(4, most); own === turn; samples = Math.min(4 * samples, most)) {
            const set = coverage && samples >= most ? {coverage} : {};
            const answer = await call('Inference/Predict', {...asked, ...set, samples});
            if (own === turn) show(place, answer, labels);
            if (samples >= most) break;
          }
        } catch (error) { if (own === turn) tell(place, error); }
      });
    }

    for (const form of document.querySelectorAll('form.alias')) {
      form.addEventListener('submit', async event => {
        event.preventDefault();
        const alias = form.elements.alias.value.trim(), model = form.dataset.model;
        if (!alias || !confirm(`Let ${alias} stand for ${model}, for all callers?`)) return;
        try {
          await call('Registry/SetAlias', {model, alias});
          location.reload();
        } catch (error) { tell(form.querySelector('[role=status]'), error); }
      });
    }

    // The job outlives the call: its first event says its name.
    for (const form of document.querySelectorAll('form.audit')) {
      form.addEventListener('submit', async event => {
        event.preventDefault();
        const place = form.querySelector('[role=status]');
        place.textContent = 'beginning';
        try {
          const answer = await fetch('/v1/Robustness/Audit', {
            method: 'POST', headers: {'content-type': 'application/json'},
            body: JSON.stringify({
              model: form.dataset.model, data_set: form.elements.data.value, battery: form.elements.battery.value,
              seed: '1'})});
          if (!answer.ok) {
            const body = await answer.json();
            throw answer.status === 401 ? new Stranger() : new Error(body.error);
          }
          const reader = answer.body.getReader(), decoder = new TextDecoder();
          for (let text = ''; ;) {
            const {value, done} = await reader.read();
            text += decoder.decode(value || new Uint8Array(), {stream: !done});
            const found = text.match(/"audit":"([^"]+)"/);
            if (found) { location.href = '/audits/' + encodeURIComponent(found[1]); return; }
            if (done) throw new Error('the server did not say which audit it is');
          }
        } catch (error) { tell(place, error); }
      });
    }

    for (const place of document.querySelectorAll('.watch')) {
      const audit = place.dataset.audit, words = place.querySelector('[role=status]');
      const bar = place.querySelector('progress');
      const source = new EventSource('/v1/Robustness/WatchAudit?audit=' + encodeURIComponent(audit));
      source.onmessage = event => {
        const {progress, state} = JSON.parse(event.data);
        if (progress && progress.shards) {
          const standing = document.querySelector('p > .queued');
          if (standing) { standing.textContent = 'running'; standing.className = 'running'; }
          bar.max = progress.shards;
          bar.value = progress.shards_done || 0;
          const left = Number(progress.seconds_left || 0);
          words.textContent = `${progress.shards_done || 0} of ${progress.shards} parts: ${progress.probe || ''}`
            + (left > 0 ? `, about ${Math.ceil(left)} s left` : '');
        } else if (state) words.textContent = (state.state || '').toLowerCase();
      };
      source.addEventListener('end', () => { source.close(); location.reload(); });
      // Not signed in, or cut off: the page itself says where the audit stands.
      source.onerror = () => { source.close(); setTimeout(() => location.reload(), 5000); };
      place.querySelector('.cancel').addEventListener('click', async () => {
        if (!confirm('Cancel this audit?')) return;
        try {
          await call('Robustness/CancelAudit', {audit});
          location.reload();
        } catch (error) { tell(words, error); }
      });
    }

    // Figures bring themselves up to date, unless nobody looks or somebody has stopped them.
    for (const box of document.querySelectorAll('input.refresh')) {
      const place = document.getElementById(box.dataset.place), words = box.closest('p').querySelector('[role=status]');
      setInterval(async () => {
        if (document.hidden || !box.checked) return;
        try {
          const answer = await fetch(location.href);
          if (!answer.ok) throw new Error(answer.statusText);
          const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
          const fresh = page.getElementById(box.dataset.place);
          // A link that has the focus keeps it.
          if (!fresh || place.contains(document.activeElement)) return;
          place.replaceChildren(...fresh.childNodes);
          words.textContent = '';
        } catch (error) { tell(words, error); }
      }, 5000);
    }
    """#
}
