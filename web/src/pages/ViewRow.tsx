import { useParams } from "@tanstack/react-router";
import { Suspense, lazy } from "react";
import { query, segment } from "../api/http";
import type { Row } from "../api/rows";
import { useRow, useRowsUnder } from "../api/use_watch";
import { Because } from "../parts/Because";
import { Fresh, Live } from "../parts/Freshness";
import { Page, shell } from "../parts/Page";
import { Panel } from "../parts/Panel";
import { Empty, ErrorBox, Loading } from "../parts/states";
import { useFilters } from "../shell/filters";

const Editor = lazy(() => import("../parts/Editor"));

// Views whose keys have lists of rows.
const lists = /-by-(member|provider)$|^availability-search$/;

// ViewRow is one row of any view, or the rows under a key, as they are now.
export default function ViewRow() {
  const { view, key } = useParams({ strict: false }) as { view: string; key: string };
  return lists.test(view) ? <Under view={view} rowKey={key} /> : <One view={view} rowKey={key} />;
}

type Of = { view: string; rowKey: string };

const text = (v: unknown) => JSON.stringify(v, null, 2);

function One({ view, rowKey }: Of) {
  const [f] = useFilters();
  const path = query(`/v1/views/${view}/${segment(rowKey)}`, { synthetic: f.synthetic });
  const { row, state, problem } = useRow<unknown>(path);
  return (
    <Framed view={view} rowKey={rowKey} path={path} state={state} problem={problem} sub={row ? <Fresh row={row} /> : null} empty={state === "live" && !row}>
      {row ? (
        <div className="split">
          <Panel title="Row"><Shown of={row} /></Panel>
          <Panel title="Because">{row.because ? <Because {...row.because} /> : null}</Panel>
        </div>
      ) : null}
    </Framed>
  );
}

function Under({ view, rowKey }: Of) {
  const path = `/v1/views/${view}/${segment(rowKey)}`;
  const { rows, state, problem } = useRowsUnder<unknown>(path);
  return (
    <Framed view={view} rowKey={rowKey} path={path} state={state} problem={problem} sub={`${rows.size} rows`} empty={state === "live" && rows.size === 0}>
      {rows.size > 0 ? (
        <Panel title="Rows">
          <Suspense fallback={<Loading what="rows" />}>
            <Editor label="Rows" value={text([...rows.values()].map((r) => r.value))} />
          </Suspense>
        </Panel>
      ) : null}
    </Framed>
  );
}

function Framed({ view, rowKey, path, state, problem, sub, empty, children }: Of & { path: string; state: "opening" | "live" | "behind" | "failed"; problem?: Error; sub: React.ReactNode; empty: boolean; children: React.ReactNode }) {
  return (
    <Page title={<>{view} <span className="mono">{rowKey}</span></>} sub={sub} actions={<Live state={state} />} asked={{ path, accept: "text/event-stream", cli: `payerflow view watch ${view} ${shell(rowKey)}` }}>
      {problem ? <ErrorBox error={problem} /> : null}
      {state === "opening" ? <Loading what="the row" /> : null}
      {empty ? <Empty title="There is no such row">It appears here as soon as an event makes it.</Empty> : null}
      {children}
    </Page>
  );
}

function Shown({ of }: { of: Row<unknown> }) {
  return (
    <Suspense fallback={<Loading what="the row" />}>
      <Editor label="Row" value={text(of.value)} />
    </Suspense>
  );
}
