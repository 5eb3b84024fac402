'use strict';
// Search in the log, and what is new of a run that goes on. The page is whole without this.
(() => {
  const id = (name) => document.getElementById(name);
  const most = 5000;
  let found = [], now = -1, wanted = '';

  const paint = (name, ranges) => {
    if (window.CSS && CSS.highlights) CSS.highlights.set(name, new Highlight(...ranges));
  };

  // All texts of a chunk are one: a word may change its colour in the middle.
  const look = () => {
    found = [];
    for (const chunk of wanted ? id('lines').querySelectorAll('pre') : []) {
      const texts = [], starts = [];
      const walk = document.createTreeWalker(chunk, NodeFilter.SHOW_TEXT);
      let whole = '';
      while (walk.nextNode()) {
        texts.push(walk.currentNode);
        starts.push(whole.length);
        whole += walk.currentNode.data;
      }
      const text = whole.toLowerCase();
      const place = (range, end, at) => {
        let n = 0;
        while (n + 1 < starts.length && starts[n + 1] + (end ? 1 : 0) <= at) n += 1;
        range[end ? 'setEnd' : 'setStart'](texts[n], at - starts[n]);
      };
      // Letters that get longer when they are made small would move the places.
      if (text.length !== whole.length) continue;
      for (let at = text.indexOf(wanted); at >= 0 && found.length < most; at = text.indexOf(wanted, at + wanted.length)) {
        const range = document.createRange();
        place(range, false, at);
        place(range, true, at + wanted.length);
        found.push(range);
      }
    }
    paint('found', found);
  };

  const go = (to) => {
    const out = id('found');
    if (found.length === 0) {
      now = -1;
      paint('now', []);
      out.textContent = wanted ? 'nothing found' : '';
      return;
    }
    now = (to + found.length) % found.length;
    paint('now', [found[now]]);
    const node = found[now].startContainer.parentElement;
    node.scrollIntoView({ block: 'center' });
    const place = found[now].getBoundingClientRect();
    window.scrollBy(0, place.top - window.innerHeight / 2);
    out.textContent = `${now + 1} of ${found.length}${found.length === most ? ' or more' : ''}`;
  };

  const listen = () => {
    const form = id('search');
    if (!form) return;
    form.hidden = false;
    const search = (by) => {
      const word = id('wanted').value.toLowerCase();
      if (word === wanted) return go(now + by);
      wanted = word;
      look();
      return go(0);
    };
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      search(1);
    });
    id('back').addEventListener('click', () => search(-1));
    id('wanted').addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && event.shiftKey) {
        event.preventDefault();
        search(-1);
      }
    });
  };

  document.addEventListener('keydown', (event) => {
    const field = id('wanted');
    if (event.key !== '/' || !field || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.activeElement === field) return;
    event.preventDefault();
    field.focus();
  });

  // A link into what is folded unfolds it.
  const unfold = () => {
    const target = id(decodeURIComponent(location.hash.slice(1)));
    const fold = target && target.closest('details');
    if (fold) fold.open = true;
  };
  window.addEventListener('hashchange', unfold);

  // The page is asked for again, read as a document, in which nothing runs, and takes the place of this one.
  let mark = null;
  const replace = (next) => {
    const from = next && next.getElementById('main');
    if (!from) return;
    const folds = new Map([...document.querySelectorAll('details[id]')].map((each) => [each.id, each.open]));
    for (const each of from.querySelectorAll('details[id]')) {
      if (folds.has(each.id)) each.open = folds.get(each.id);
    }
    const focused = document.activeElement && document.activeElement.id;
    const typed = id('wanted') ? id('wanted').value : '';
    const said = id('found') ? id('found').textContent : '';
    const atEnd = window.innerHeight + window.scrollY >= document.body.scrollHeight - 40;
    id('main').replaceWith(document.adoptNode(from));
    document.title = next.title;
    listen();
    if (id('wanted')) {
      id('wanted').value = typed;
      id('found').textContent = said;
    }
    if (focused && id(focused)) id(focused).focus({ preventScroll: true });
    if (wanted) look();
    if (atEnd) window.scrollTo(0, document.body.scrollHeight);
    if (!('live' in next.body.dataset)) over('over');
  };
  const over = (word) => {
    if (id('alive')) id('alive').textContent = word;
    clearInterval(timer);
  };
  let busy = false;
  const ask = () => {
    if (busy || document.hidden) return;
    busy = true;
    const request = new XMLHttpRequest();
    request.open('GET', location.pathname);
    if (mark) request.setRequestHeader('If-None-Match', mark);
    request.responseType = 'document';
    request.addEventListener('loadend', () => {
      busy = false;
      if (id('alive')) id('alive').textContent = request.status ? 'live' : 'the server is gone';
      if (request.status !== 200) return;
      mark = request.getResponseHeader('ETag');
      replace(request.responseXML);
    });
    request.send();
  };
  const timer = 'live' in document.body.dataset ? setInterval(ask, 1500) : 0;
  listen();
  unfold();
})();
