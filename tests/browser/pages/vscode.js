// What VS Code renders widgets with, over a kernel of our own, the way its extension does it.

import { activate } from '@vscode/jupyter-ipywidgets8';
import { openNotebook } from './notebook.js';

/** Between page and kernel stand processes that pass on text only: each byte of a buffer is a number in it. */
const passOn = (data) => JSON.parse(JSON.stringify(structuredClone(data)));
const throughHost = (data) =>
  typeof data === 'string' ? passOn(data) : new Uint8Array(passOn([...new Uint8Array(data)])).buffer;

class HostSocket extends WebSocket {
  constructor(url) {
    super(url);
    this.binaryType = 'arraybuffer';
  }
  set onmessage(receive) {
    super.onmessage = receive && (({ data }) => receive({ data: throughHost(data) }));
  }
  send(data) {
    super.send(throughHost(data));
  }
}

const scripts = {
  widgetsRegisteredInRequireJs: new Set(),
  loadWidgetScript: async (name) => requirejs.config({ paths: { [name]: `${location.origin}/page/${name}` } }),
  successHandler: () => {},
  errorHandler: () => {},
};

async function show({ manager }, { model_id }, node) {
  node.classList.add('cell-output-ipywidget-background');
  const inner = document.createElement('div');
  inner.className = 'cell-output-ipywidget-background';
  node.append(inner);
  const view = await manager.create_view(await manager.get_model(model_id), { el: inner });
  manager.display_view(undefined, view, { node: inner });
}

activate();
window.vscIPyWidgets8.load();
const connect = (kernel) => new window.vscIPyWidgets.WidgetManager(kernel, document.body, scripts, () => {});
openNotebook({ connect, show, socket: HostSocket }).then((page) => {
  // Told of a restart, the page throws its manager and its kernel away and makes new ones.
  const restart = page.restart;
  page.restart = async () => {
    await restart();
    page.manager.dispose();
    page.kernel.dispose();
    await page.connect();
  };
  page.kernel.requestExecute({ code: `__vsc_ipynb_file__ = __import__('os').path.abspath(${JSON.stringify(page.name)})` });
  window.notebook = page;
});
