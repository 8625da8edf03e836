// What happens, or happened, to each kind of data: the same list for a preview and for a receipt.

/** In the order in which a person wants to know. */
const GROUPS = ['failed', 'erased', 'pseudonymized', 'scheduled', 'retained', 'exported', 'unsupported'];

/** How a system and its collections are called, from the data map. */
function titles(map) {
  const systems = new Map(map.connectors.map((connector) => [connector.name, connector]));
  return {
    system: (name) => readable(name),
    collection: (connector, name) => {
      const known = systems.get(connector)?.collections.find((collection) => collection.name === name);
      return known?.title ?? readable(name);
    },
  };
}

/** Dates from the first to the last. */
function until(range) {
  if (!range) return null;
  return range.first === range.last
    ? say('outcome.until', { date: day(range.last) })
    : say('outcome.until_range', { first: day(range.first), last: day(range.last) });
}

function ground(kept) {
  const basis = sayOr(`ground.${kept.basis}`, readable(kept.basis));
  return [say('outcome.ground', { reason: kept.reason, basis }), until(kept.until)].filter(Boolean).join(' ');
}

/** What a preview says, as rows of `{group, connector, collection, records, why}`. */
function rowsOfPreview(preview) {
  const rows = [];
  for (const connector of preview.connectors) {
    for (const collection of connector.collections) {
      const row = (group, records, why) => {
        if (records !== 0) rows.push({ group, connector: connector.name, collection: collection.name, records, why });
      };
      const tally = collection.tally;
      if (!tally) {
        row('unsupported', null, sentence(collection.reason ?? say('outcome.unknown')));
        continue;
      }
      row('erased', tally.erase);
      row('pseudonymized', tally.pseudonymize);
      for (const kept of tally.retain ?? []) {
        row('retained', kept.records, [ground(kept), kept.pseudonymize > 0 && say('outcome.reduced')].filter(Boolean).join(' '));
      }
      if (tally.schedule) row('scheduled', tally.schedule.records, by(tally.schedule.by));
      for (const failed of tally.failed ?? []) row('failed', failed.records, say('outcome.failed'));
    }
  }
  return rows;
}

/** What a receipt says, as the same rows. */
function rowsOfReceipt(claims) {
  const rows = [];
  for (const connector of claims.connectors) {
    for (const collection of connector.collections) {
      for (const one of collection.outcomes) {
        const row = (group, records, why) => {
          rows.push({ group, connector: connector.name, collection: collection.name, records, why, atLeast: collection.at_least });
        };
        switch (one.outcome) {
          case 'erased': row('erased', one.records); break;
          case 'pseudonymized': row('pseudonymized', one.records); break;
          case 'retained':
            row('retained', one.records, [ground(one), one.pseudonymized > 0 && say('outcome.reduced_done')].filter(Boolean).join(' '));
            break;
          case 'scheduled': row('scheduled', one.records, by(one.by)); break;
          case 'exported':
            row('exported', one.records, one.files > 0 ? count('outcome.files', one.files) : undefined);
            break;
          case 'absent': break;
          case 'unsupported': row('unsupported', null, sentence(one.reason)); break;
          default: row('failed', one.records ?? null, sentence(one.reason ?? say('outcome.failed')));
        }
      }
    }
  }
  return rows;
}

function by(range) {
  return range ? say('outcome.by', { date: day(range.last) }) : say('outcome.by_unknown');
}

/** How many records are in a group. */
function recordsIn(rows, ...groups) {
  return rows.filter((row) => groups.includes(row.group)).reduce((sum, row) => sum + (row.records ?? 0), 0);
}

/** The rows as lists, one for each group. `tense` is `will` or `was`. */
function outcomeLists(rows, tense, names) {
  return GROUPS.flatMap((group) => {
    const own = rows.filter((row) => row.group === group);
    if (own.length === 0) return [];
    const items = own.map((row) => element('li', {},
      element('span', { class: 'name' },
        names.collection(row.connector, row.collection),
        element('span', { class: 'where' }, names.system(row.connector))),
      row.records !== null && element('span', { class: 'records' },
        row.atLeast ? say('outcome.at_least', { n: number(row.records) }) : number(row.records)),
      row.why && element('span', { class: 'why' }, row.why)));
    return [element('div', { class: `group ${group}` },
      element('h3', {}, say(`group.${group}.${tense}`)),
      element('ul', {}, items))];
  });
}

/** Why something cannot be reached, and how long it lives. */
function beyond(one) {
  return one.lives_for ? `${sentence(one.why)} ${say('outcome.lives_for', { time: one.lives_for })}` : sentence(one.why);
}

/** What no system can reach. */
function unreachableList(connectors, names) {
  const items = connectors.flatMap((connector) => (connector.unreachable ?? []).map((one) => element('li', {},
    element('span', { class: 'name' }, begun(one.what), element('span', { class: 'where' }, names.system(connector.name))),
    element('span', { class: 'why' }, beyond(one)))));
  return items.length === 0 ? null : element('div', { class: 'group unreachable' },
    element('h3', {}, say('outcome.unreachable')), element('ul', {}, items));
}

