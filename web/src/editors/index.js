// Kinds of labels: for each how an answer is built, and what stands on the screen meanwhile. One class has no entry: its key
// is the answer.
import * as boxes from "./boxes.js";
import { multilabel, preference, rating, text } from "./choices.js";
import { BoxStage, MaskStage, PolygonStage } from "./drawing.js";
import * as mask from "./mask.js";
import { BoxPanel, MaskPanel, MultilabelPanel, PolygonPanel, PreferencePanel, RatingPanel, SpanPanel, TextPanel } from "./panels.js";
import * as polygons from "./polygons.js";
import * as spans from "./spans.js";
import { PreferenceStage, RatingStage, SpanStage, texts } from "./wording.js";

/** `model`: start, from, label, press, quiet. `Stage` stands in the sample's place (where it `suits` the payload), `Panel`
 *  beside it. */
const EDITORS = {
  multilabel: { model: multilabel, Panel: MultilabelPanel },
  boxes: { model: boxes, Stage: BoxStage, Panel: BoxPanel, picture: true },
  polygons: { model: polygons, Stage: PolygonStage, Panel: PolygonPanel, picture: true },
  mask: { model: mask, Stage: MaskStage, Panel: MaskPanel, picture: true },
  spans: { model: spans, Stage: SpanStage, Panel: SpanPanel },
  text: { model: text, Panel: TextPanel },
  rating: { model: rating, Stage: RatingStage, Panel: RatingPanel, suits: (payload) => !!texts(payload, ["answer"]) },
  preference: { model: preference, Stage: PreferenceStage, Panel: PreferencePanel },
};

export const editorOf = (kind) => EDITORS[kind] ?? null;

/** Lines of the list of keys. */
export const KEYS = {
  multilabel: [[["a class’s key"], "There, or not there"], [["Enter"], "Send the answer"]],
  boxes: [[["⇧ Enter"], "A box in the middle"], [["← → ↑ ↓"], "Move it; with ⇧, its size"], [["PgDn", "PgUp"], "The next, the one before"], [["Del"], "Remove it"], [["Enter"], "Send the answer"]],
  polygons: [[["⇧ Enter"], "A polygon in the middle"], [["Home", "End"], "Choose a corner"], [["← → ↑ ↓"], "Move it, or the corner"], [["PgDn", "PgUp"], "The next, the one before"], [["Enter"], "Close the polygon; send the answer"]],
  mask: [[["← → ↑ ↓"], "Move the brush; with ⇧, paint"], [["Space"], "Dab"], [["[", "]"], "Smaller, larger"], [["Del", ";"], "Eraser, fill"], [["Enter"], "Send the answer"]],
  spans: [[["← →"], "Mark words; with ⇧, more of them"], [["a class’s key"], "What it is"], [["PgDn", "PgUp"], "The next span, the one before"], [["⇧ Enter"], "Relate it to another"], [["Del"], "Remove it"], [["Enter"], "Send the answer"]],
  text: [[["Ctrl Enter"], "Send the answer"]],
  rating: [[["digits", "← →"], "Choose"], [["Enter"], "Send the answer"]],
  preference: [[["1", "2", "3", "← →"], "Choose"], [["Enter"], "Send the answer"]],
};
export const PICTURE_KEYS = [[["+", "-", "="], "Closer, farther, whole"], [[",", "."], "Darker, brighter"]];
