// A widget manager over the packages that Google Colab's is made of.

import * as base from '@jupyter-widgets/base';
import { ManagerBase } from '@jupyter-widgets/base-manager';
import * as controls from '@jupyter-widgets/controls';
import '@jupyter-widgets/base/css/index.css';
import '@jupyter-widgets/controls/css/widgets.css';
import { Widget } from '@lumino/widgets';
import { openNotebook } from './notebook.js';

const MODULES = { '@jupyter-widgets/base': base, '@jupyter-widgets/controls': controls };
Object.entries(MODULES).forEach(([name, module]) => window.define(name, () => module));

class Manager extends ManagerBase {
  constructor(kernel) {
    super();
    this.kernel = kernel;
    this.custom = false;
    kernel.registerCommTarget(this.comm_target_name, (comm, message) =>
      this.handle_comm_open(new base.shims.services.Comm(comm), message),
    );
  }
  async loadClass(className, name) {
    if (MODULES[name]) return MODULES[name][className];
    requirejs.config({ paths: { [name]: `${location.origin}/page/${name}` } });
    return new Promise((resolve, reject) => requirejs([name], (module) => resolve(module[className]), reject));
  }
  async _create_comm(target, id, data, metadata, buffers) {
    const comm = this.kernel.createComm(target, id);
    if (data || metadata) comm.open(data, metadata, buffers);
    return new base.shims.services.Comm(comm);
  }
  async _get_comm_info() {
    return (await this.kernel.requestCommInfo({ target_name: this.comm_target_name })).content.comms;
  }
}

async function show({ manager }, { model_id, metadata }, node) {
  // What google.colab.output.enable_custom_widget_manager() puts there.
  if (!metadata?.colab?.custom_widget_manager) {
    node.textContent = 'Support for third party widgets is not enabled.';
    return;
  }
  const view = await manager.create_view(await manager.get_model(model_id));
  Widget.attach(view.pWidget ?? view.luminoWidget, node);
}

openNotebook({ connect: (kernel) => new Manager(kernel), show }).then((page) => {
  window.notebook = page;
});
