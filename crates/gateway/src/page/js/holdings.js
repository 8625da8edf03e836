// What is held and by whom: the data map.

function showHoldings(place, map, names) {
  fill(place, map.connectors.length === 0
    ? element('p', {}, say('holdings.none'))
    : element('ul', { class: 'systems' }, map.connectors.map((connector) => element('li', {}, shownSystem(connector, names)))));
}

function shownSystem(connector, names) {
  return element('details', {},
    element('summary', {},
      element('span', { class: 'name' }, names.system(connector.name)),
      element('span', { class: 'where' }, keeper(connector.processor)),
      element('span', { class: 'many' }, count('holdings.kinds', connector.collections.length))),
    element('ul', { class: 'collections' },
      connector.collections.map((collection) => shownCollection(connector, collection, names))),
    connector.unreachable.length > 0 && element('div', { class: 'beyond' },
      element('h3', {}, say('outcome.unreachable')),
      element('ul', {}, connector.unreachable.map((one) => element('li', {},
        element('strong', {}, begun(one.what)), ' – ', beyond(one))))));
}

/** Who runs a system, and where. */
function keeper(processor) {
  const who = processor.name ? say('holdings.by', { name: processor.name }) : say('holdings.by_us');
  return processor.location ? `${who} · ${processor.location}` : who;
}

function shownCollection(connector, collection, names) {
  const facts = [
    [say('holdings.purpose'), collection.purpose],
    [say('holdings.categories'), collection.categories?.join(', ')],
    [say('holdings.basis'), collection.legal_basis && sayOr(`basis.${collection.legal_basis}`, readable(collection.legal_basis))],
    [say('holdings.period'), collection.storage_period],
    [say('holdings.no_export'), collection.export?.refused],
    [say('holdings.no_erasure'), collection.erasure?.refused],
  ].filter(([, fact]) => fact);
  return element('li', {},
    element('p', { class: 'name' }, names.collection(connector.name, collection.name)),
    facts.length > 0 && element('dl', {}, facts.map(([what, fact]) =>
      element('div', {}, element('dt', {}, what), element('dd', {}, fact)))));
}

