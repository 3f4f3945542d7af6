// A picture with something drawn on it: zoom, pan, brightness, and places in the picture's own pixels.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { fitted } from "../sample.js";
import { html } from "../html.js";

const ZOOM = 1.25;
const MOST = 40;
const BRIGHT = [0.5, 0.7, 0.85, 1, 1.25, 1.6, 2.2];
const MARGIN = 24;

/** `keys` of this picture: `press(event)` answers whether the key was one of its own. */
export function usePlane(payload) {
  const room = useRef(null);
  const [view, setView] = useState({ zoom: 1, x: 0, y: 0, bright: 3 });
  const [space, setSpace] = useState(null);
  useEffect(() => setView((now) => ({ ...now, zoom: 1, x: 0, y: 0 })), [payload?.url]);
  useLayoutEffect(() => {
    if (!room.current) return;
    const measure = () => room.current && setSpace({ width: room.current.clientWidth - MARGIN, height: room.current.clientHeight - MARGIN });
    const watcher = new ResizeObserver(measure);
    watcher.observe(room.current);
    measure();
    return () => watcher.disconnect();
  }, [payload?.url]);
  const base = space && payload?.width ? fitted(payload, space).factor : 1;
  const scale = base * view.zoom;
  const zoom = (by, at) =>
    setView((now) => {
      const next = Math.min(Math.max(now.zoom * by, 1), MOST);
      if (next === 1) return { ...now, zoom: 1, x: 0, y: 0 };
      const factor = next / now.zoom;
      const { x, y } = at ?? { x: 0, y: 0 };
      return { ...now, zoom: next, x: x - (x - now.x) * factor, y: y - (y - now.y) * factor };
    });
  const pan = (dx, dy) => setView((now) => ({ ...now, x: now.x + dx, y: now.y + dy }));
  const brighten = (by) => setView((now) => ({ ...now, bright: Math.min(Math.max(now.bright + by, 0), BRIGHT.length - 1) }));
  const fit = () => setView((now) => ({ ...now, zoom: 1, x: 0, y: 0 }));
  const press = (event) => {
    const arrows = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
    if (event.key === "+") zoom(ZOOM);
    else if (event.key === "-") zoom(1 / ZOOM);
    else if (event.key === "=") fit();
    else if (event.key === ",") brighten(-1);
    else if (event.key === ".") brighten(1);
    else if (arrows && view.zoom > 1) pan(...arrows);
    else return false;
    return true;
  };
  return { room, view, scale, zoom, pan, brighten, fit, press };
}

/** The picture in its room, and over it what `children` draw in its pixels. Pointers are told in the picture's pixels. */
export function Plane({ plane, payload, onDown, onMove, onUp, onDouble, cursor, label, children, canvas }) {
  const { room, view, scale, zoom, pan } = plane;
  const inner = useRef(null);
  const hold = useRef(null);
  const place = (event) => {
    const box = inner.current.getBoundingClientRect();
    return { x: (event.clientX - box.left) / scale, y: (event.clientY - box.top) / scale };
  };
  const down = (event) => {
    if (event.button === 1 || (event.button === 0 && event.altKey)) {
      hold.current = { x: event.clientX, y: event.clientY };
      room.current.setPointerCapture(event.pointerId);
      return event.preventDefault();
    }
    if (event.button !== 0) return;
    room.current.setPointerCapture(event.pointerId);
    onDown?.(place(event), event);
  };
  const move = (event) => {
    if (!hold.current) return onMove?.(place(event), event);
    pan(event.clientX - hold.current.x, event.clientY - hold.current.y);
    hold.current = { x: event.clientX, y: event.clientY };
  };
  const up = (event) => {
    if (hold.current) return void (hold.current = null);
    onUp?.(place(event), event);
  };
  useEffect(() => {
    const element = room.current;
    const wheel = (event) => {
      event.preventDefault();
      const box = element.getBoundingClientRect();
      const at = { x: event.clientX - box.left - box.width / 2, y: event.clientY - box.top - box.height / 2 };
      zoom(event.deltaY < 0 ? ZOOM : 1 / ZOOM, at);
    };
    element.addEventListener("wheel", wheel, { passive: false });
    return () => element.removeEventListener("wheel", wheel);
  }, []);
  const { width, height } = payload;
  const small = width <= 200 && height <= 200;
  return html`<div class=${`plane-room ${cursor ?? ""}`} ref=${room} onPointerDown=${down} onPointerMove=${move} onPointerUp=${up} onPointerCancel=${up} onDblClick=${(event) => onDouble?.(place(event), event)}>
    <div class="plane" ref=${inner} style=${{ width: `${width * scale}px`, height: `${height * scale}px`, transform: `translate(${view.x}px, ${view.y}px)` }}>
      <img class=${small || view.zoom > 3 ? "crisp" : ""} src=${payload.url} alt=${label} draggable=${false} style=${{ filter: view.bright === 3 ? "" : `brightness(${BRIGHT[view.bright]})` }} />
      ${canvas}
      <svg viewBox=${`0 0 ${width} ${height}`} aria-hidden="true">${children}</svg>
    </div>
  </div>`;
}

/** Buttons for what the pointer's wheel and the keys do. */
export function PlaneTools({ plane }) {
  return html`<div class="tools" role="toolbar" aria-label="Picture">
    <button aria-label="Closer" title="Closer: +" onClick=${() => plane.zoom(ZOOM)}>＋</button>
    <button aria-label="Farther" title="Farther: -" onClick=${() => plane.zoom(1 / ZOOM)}>－</button>
    <button aria-label="Whole picture" title="Whole picture: =" onClick=${plane.fit}>⤢</button>
    <button aria-label="Darker" title="Darker: ," onClick=${() => plane.brighten(-1)}>☾</button>
    <button aria-label="Brighter" title="Brighter: ." onClick=${() => plane.brighten(1)}>☀</button>
  </div>`;
}
