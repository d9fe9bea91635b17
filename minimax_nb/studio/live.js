// A region whose words are read aloud when they change.
export default {
  render({ model, el }) {
    const region = document.createElement('div');
    region.setAttribute('role', 'status');
    region.setAttribute('aria-live', 'polite');
    const say = () => {
      region.textContent = model.get('value');
    };
    model.on('change:value', say);
    say();
    el.append(region);
    return () => model.off('change:value', say);
  },
};
