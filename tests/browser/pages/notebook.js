// A notebook in a page of our own: a real kernel, the cells of a file, and what they give.

import { KernelAPI, ServerConnection } from '@jupyterlab/services';
import { KernelConnection } from '@jupyterlab/services/lib/kernel/default';

export const WIDGET = 'application/vnd.jupyter.widget-view+json';

/** A notebook: `connect` makes a widget manager for a kernel, `show` draws one of its widgets into an element. */
export async function openNotebook({ connect, show, socket = WebSocket }) {
  const name = new URLSearchParams(location.search).get('notebook');
  document.cookie = '_xsrf=page;path=/'; // Jupyter wants to see it twice, whatever it is.
  const serverSettings = ServerConnection.makeSettings({
    baseUrl: `${location.origin}/`,
    wsUrl: location.origin.replace('http', 'ws'),
    WebSocket: socket,
  });
  const file = await ServerConnection.makeRequest(`${location.origin}/api/contents/${name}`, {}, serverSettings);
  const { cells } = (await file.json()).content;
  const model = await KernelAPI.startNew({ name: 'python3' }, serverSettings);
  const page = { name, cells: cells.map(makeCell) };

  page.connect = async () => {
    page.kernel = new KernelConnection({ model, serverSettings });
    await page.kernel.info;
    page.manager = connect(page.kernel);
  };
  page.restart = () => KernelAPI.restartKernel(model.id, serverSettings);
  page.end = () => KernelAPI.shutdownKernel(model.id, serverSettings);
  page.run = (numbers) => numbers.forEach((number) => page.cells[number].run(page, show));
  await page.connect();
  return page;
}

function makeCell({ source }) {
  const cell = { source, node: document.createElement('div') };
  cell.node.className = 'output_container';
  document.body.append(cell.node);
  cell.run = (page, show) => {
    cell.node.replaceChildren();
    cell.node.dataset.state = 'running';
    const future = page.kernel.requestExecute({ code: source });
    future.onIOPub = ({ content }) => draw(cell.node, content, (view, node) => show(page, view, node));
    future.done.then(() => (cell.node.dataset.state = 'idle'));
  };
  return cell;
}

function draw(parent, { data, metadata, text, ename, evalue }, show) {
  const words = text ?? (ename ? `${ename}: ${evalue}` : data?.['text/plain']);
  if (words === undefined) return;
  const node = document.createElement('div');
  node.className = 'output';
  parent.append(node);
  if (data?.[WIDGET]) show({ ...data[WIDGET], metadata: metadata?.[WIDGET] }, node);
  else if (data?.['text/html']) node.innerHTML = data['text/html'];
  else node.textContent = words;
}
