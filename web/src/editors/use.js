// The answer in the making of the task in hand: its draft, its keys, and what sends it.
import { useEffect, useRef, useState } from "preact/hooks";
import { keysOf } from "../keys.js";
import { valueOf } from "./describe.js";
import { back, step } from "./draft.js";
import { editorOf } from "./index.js";
import { usePlane } from "./plane.js";

/** Null for one class, whose key is the answer. `task.label` is what an earlier answer, or somebody else's, began with. */
export function useEditor({ task, schema, drafts, onSubmit }) {
  const editor = editorOf(schema.kind);
  const held = useRef({ id: null, now: null, past: [] });
  const [, redraw] = useState(0);
  const [missing, setMissing] = useState("");
  const { payload } = task ?? {};
  const plane = usePlane(editor?.picture && payload?.kind === "image" ? payload : null);
  const id = task ? `${task.task_id}${task.corrects ? "+" : ""}${task.began ?? ""}` : null;
  if (editor && held.current.id !== id) held.current = { id, now: task ? (drafts.read(id) ?? begun(editor.model, task, schema)) : null, past: [] };
  useEffect(() => setMissing(""), [id]);
  if (!editor) return null;

  const ready = !!task && payload.kind !== "broken" && (!editor.picture || payload.kind === "image");
  const keys = keysOf(schema.classes);
  const relationKeys = keysOf(schema.relations ?? []);
  const about = { schema, keys, relationKeys, size: payload?.kind === "image" ? { width: payload.width, height: payload.height } : null, text: payload?.raw ?? payload?.text ?? "" };
  const put = (next) => {
    held.current = { id, ...next };
    drafts.write(id, next.now);
    setMissing("");
    redraw((count) => count + 1);
  };
  const set = (draft, quiet) => draft && ready && put(step(held.current, draft, quiet ?? editor.model.quiet?.(held.current.now, draft) ?? false));
  const press = (event, meant) => {
    if (!ready) return false;
    for (const key of meant) {
      const next = editor.model.press(held.current.now, key, event, about);
      if (next) return set(next), true;
    }
    return !!editor.picture && plane.press(event);
  };
  const submit = () => {
    if (!ready) return false;
    const label = editor.model.label(held.current.now, about.size, schema);
    if (label === null) return setMissing(editor.model.missing), false;
    onSubmit(label);
    drafts.drop(id);
    return true;
  };
  const undo = () => {
    if (!held.current.past.length) return false;
    return put(back(held.current)), true;
  };
  const act = {
    choose: (name) => press({ key: "", shiftKey: false }, [[...keys].find(([, each]) => each === name)?.[0]]),
    key: (name) => press({ key: name, shiftKey: false }, [name.toLowerCase()]),
  };
  return { ...editor, ...about, ready, draft: held.current.now, set, press, submit, undo, missing, plane, payload, act, drop: () => drafts.drop(id) };
}

function begun(model, task, schema) {
  const value = task.label && valueOf(task.label);
  return value && !value.none ? model.from(value, schema) : model.start();
}
