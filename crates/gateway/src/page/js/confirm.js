// The last question before an erasure: a word has to be typed.

/** Opens the dialog; `agreed` runs when the right word was typed and sent. */
function confirmErasure(seen, rows, agreed) {
  const dialog = part('confirm');
  const form = dialog.querySelector('form');
  const typed = part('confirm-word');
  const wrong = part('confirm-wrong');
  const word = say('confirm.word');
  const tell = (text) => {
    wrong.textContent = text;
    typed.setAttribute('aria-invalid', String(text !== ''));
  };
  fill(part('confirm-what'),
    element('p', {}, summaryOf(rows, 'will')),
    element('p', {}, seen.grace_days > 0 ? count('preview.grace', seen.grace_days) : say('confirm.at_once')));
  part('confirm-label').textContent = say('confirm.type', { word });
  typed.value = '';
  tell('');
  form.onsubmit = (event) => {
    event.preventDefault();
    if (typed.value.trim().toLocaleUpperCase() === word.toLocaleUpperCase()) {
      dialog.close();
      agreed();
    } else {
      tell(say('confirm.wrong', { word }));
      typed.focus();
    }
  };
  part('confirm-no').onclick = () => dialog.close();
  dialog.showModal();
  typed.focus();
}

