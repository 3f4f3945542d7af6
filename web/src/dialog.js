import { useEffect, useRef } from "preact/hooks";
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
