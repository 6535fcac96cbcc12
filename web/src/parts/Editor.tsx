import { autocompletion, completionKeymap, type CompletionSource } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { json, jsonParseLinter } from "@codemirror/lang-json";
import { HighlightStyle, StreamLanguage, bracketMatching, foldGutter, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, linter, setDiagnostics } from "@codemirror/lint";
import { unifiedMergeView } from "@codemirror/merge";
import { EditorState, type Extension } from "@codemirror/state";
import { EditorView, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useRef } from "react";

export type Fault = { line: number; column: number; message: string };

type Props = {
  label: string;
  value: string;
  set?: (text: string) => void; // none: it is only shown
  language?: "json" | "cel";
  before?: string; // shown as what was, with what changed
  words?: string[]; // completed: names of fields
  faults?: Fault[];
  low?: boolean; // one line to begin with
};

const look = EditorView.theme({
  "&": { color: "var(--text)", backgroundColor: "var(--panel)", fontSize: "12px", border: "1px solid var(--strong-line)", borderRadius: "4px", maxHeight: "60vh" },
  "&.cm-focused": { outline: "2px solid var(--accent)" },
  ".cm-content": { fontFamily: "var(--mono)", caretColor: "var(--text)" },
  ".cm-scroller": { overflow: "auto", lineHeight: "1.5" },
  ".cm-gutters": { backgroundColor: "var(--bg)", color: "var(--quiet)", borderRight: "1px solid var(--line)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground, ::selection": { backgroundColor: "var(--accent-bg) !important" },
  ".cm-tooltip": { backgroundColor: "var(--raised)", border: "1px solid var(--strong-line)", color: "var(--text)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent-bg)", color: "var(--text)" },
  ".cm-changedLine": { backgroundColor: "var(--good-bg) !important" },
  ".cm-deletedChunk": { backgroundColor: "var(--bad-bg) !important" },
  ".cm-changedText, .cm-deletedText": { background: "none !important" },
  ".cm-collapsedLines": { background: "var(--bg)", color: "var(--quiet)" },
});

const colours = HighlightStyle.define([
  { tag: tags.propertyName, color: "var(--accent)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--good)" },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword], color: "var(--warn)" },
  { tag: tags.comment, color: "var(--quiet)" },
]);

// The expressions of CEL, as far as colours need to know them.
const cel = StreamLanguage.define({
  token(s) {
    if (s.eatSpace()) return null;
    if (s.match(/^\/\/.*/)) return "comment";
    if (s.match(/^[rb]{0,2}("(\\.|[^"\\])*"?|'(\\.|[^'\\])*'?)/)) return "string";
    if (s.match(/^\d+(\.\d+)?([eE][+-]?\d+)?u?/)) return "number";
    if (s.match(/^(true|false|null|in)\b/)) return "keyword";
    if (s.match(/^[A-Za-z_]\w*/)) return "variableName";
    s.next();
    return null;
  },
});

function completes(words: string[]): CompletionSource {
  return (context) => {
    const word = context.matchBefore(/[\w.]+/);
    if (!word && !context.explicit) return null;
    return { from: word?.from ?? context.pos, options: words.map((label) => ({ label, type: "property" })), validFor: /^[\w.]*$/ };
  };
}

// Editor edits or shows JSON and CEL. It stands in a shadow root, where its
// styles are constructed: the page's policy takes none that are written.
export default function Editor({ label, value, set, language = "json", before, words, faults, low }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const told = useRef(set);
  told.current = set;
  useEffect(() => {
    const shadow = host.current!.shadowRoot ?? host.current!.attachShadow({ mode: "open" });
    const extensions: Extension[] = [
      look,
      syntaxHighlighting(colours),
      language === "json" ? json() : cel,
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({ "aria-label": label, ...(set ? {} : { "aria-readonly": "true", tabindex: "0" }) }),
      bracketMatching(),
      set ? [history(), keymap.of([...completionKeymap, ...defaultKeymap, ...historyKeymap])] : [EditorState.readOnly.of(true), EditorView.editable.of(false)],
      low ? [] : [lineNumbers(), foldGutter()],
      words ? autocompletion({ override: [completes(words)] }) : [],
      set && language === "json" ? linter(jsonParseLinter()) : [],
      before === undefined ? [] : unifiedMergeView({ original: before, mergeControls: false, ...(set ? {} : { collapseUnchanged: { margin: 3, minSize: 6 } }) }),
      EditorView.updateListener.of((u) => u.docChanged && told.current?.(u.state.doc.toString())),
    ];
    view.current = new EditorView({ root: shadow, parent: shadow, state: EditorState.create({ doc: value, extensions }) });
    return () => view.current?.destroy();
  }, [label, language, before, low, !set, words?.join()]);
  useEffect(() => {
    const v = view.current!;
    if (v.state.doc.toString() !== value) v.dispatch({ changes: { from: 0, to: v.state.doc.length, insert: value } });
  }, [value]);
  useEffect(() => {
    const v = view.current!;
    const marks: Diagnostic[] = (faults ?? []).flatMap((f) => {
      if (f.line < 1 || f.line > v.state.doc.lines) return [];
      const line = v.state.doc.line(f.line);
      const from = Math.min(line.from + Math.max(0, f.column), line.to);
      return [{ from, to: Math.max(from, line.to), severity: "error" as const, message: f.message }];
    });
    v.dispatch(setDiagnostics(v.state, marks));
  }, [faults]);
  return <div className="editor" ref={host} />;
}
