import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "./html.js";

/** A modal dialog of the browser's own: it keeps the focus inside, closes on Esc and gives the focus back. */
export function Dialog({ title, onClose, children }) {
  const box = useRef(null);
  useEffect(() => {
    const before = document.activeElement;
    const dialog = box.current;
    dialog.showModal();
    return () => {
      // While it is open nothing behind it takes the focus.
      dialog.close();
      if (before?.isConnected) before.focus();
    };
  }, []);
  const outside = (event) => event.target === box.current && onClose();
  return html`<dialog ref=${box} aria-labelledby="dialog-title" onCancel=${(event) => (event.preventDefault(), onClose())} onClick=${outside}>
    <div class="box"><h2 id="dialog-title">${title}</h2>${children}</div>
  </dialog>`;
}

export function NoneDialog({ onSend, onClose }) {
  const [name, setName] = useState("");
  const send = (event) => (event.preventDefault(), onSend(name.trim()));
  return html`<${Dialog} title="None of these" onClose=${onClose}>
    <form class="back" onSubmit=${send}>
      <label>Which class is missing? <span class="quiet">If you know; a reviewer decides.</span><input autofocus value=${name} maxlength="256" onInput=${(event) => setName(event.target.value)} /></label>
      <div class="row"><button class="primary">None of these <kbd aria-hidden="true">Enter</kbd></button><button type="button" onClick=${onClose}>Back <kbd aria-hidden="true">Esc</kbd></button></div>
    </form>
  <//>`;
}
