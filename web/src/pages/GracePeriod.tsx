import { Link, useParams } from "@tanstack/react-router";
import { segment } from "../api/http";
import { list, withheld } from "../api/rows";
import { useRow } from "../api/use_watch";
import { Because } from "../parts/Because";
import { type Bar, Days } from "../parts/Days";
import { Fresh, Live } from "../parts/Freshness";
import { Page, shell } from "../parts/Page";
import { Facts, Panel } from "../parts/Panel";
import { Table } from "../parts/Table";
import { Money, Status, Value, Withheld } from "../parts/Value";
import { Empty, ErrorBox, Loading } from "../parts/states";
import type { Grace, GraceRow, Invoice } from "./grace_row";

// GracePeriod is one member's premiums on a line of days.
export default function GracePeriod() {
  const { member } = useParams({ strict: false }) as { member: string };
  const path = `/v1/views/grace-periods/${segment(member)}`;
  const { row, state, problem } = useRow<GraceRow>(path);
  return (
    <Page
      title={<>Premiums of <span className="mono">{member}</span></>}
      sub={row ? <Fresh row={row} /> : undefined}
      actions={<Live state={state} />}
      asked={{ path, accept: "text/event-stream", cli: `payerflow view watch grace-periods ${shell(member)}` }}
    >
      {problem ? <ErrorBox error={problem} /> : null}
      {state === "opening" ? <Loading what="the member's premiums" /> : null}
      {state === "live" && !row ? (
        <Empty title="No premium of this member is known">
          <Link to={"/grace" as string}>All members</Link>
        </Empty>
      ) : null}
      {row ? <Body row={row.value} because={row.because} /> : null}
    </Page>
  );
}

export const stands = (g: Grace) => (g.curedOn ? "CURED" : g.expired ? "EXPIRED" : g.terminatedOn ? "TERMINATED" : "IN_GRACE");

function Body({ row, because }: { row: GraceRow; because?: { ids: string[]; count: number } }) {
  const graces = list<Grace>(row.graces);
  const invoices = list<Invoice>(row.invoices);
  return (
    <div className="stack">
      <Panel title="Now">
        <Facts
          of={[
            ["Paid through", <Value of={row.paidThrough} />],
            ["Grace ends on", <Value of={row.graceEndsOn} />],
            ["Latest grace period", graces.length ? <Status of={stands(graces.at(-1)!)} /> : null],
            ["Premiums", String(invoices.length)],
          ]}
        />
      </Panel>
      <Panel title="Time line">
        <Days bars={bars(invoices, graces)} />
      </Panel>
      <div className="split">
        <div className="stack">
          <Panel title="Grace periods" flush>
            {graces.length === 0 ? <p className="quiet pad">None: no premium was missed.</p> : null}
            {graces.length > 0 ? (
              <Table
                label="Grace periods"
                rows={graces}
                id={(g) => g.from}
                columns={[
                  { head: "From", cell: (g) => <Value of={g.from} /> },
                  { head: "Through", cell: (g) => <Value of={g.through} /> },
                  { head: "Stands", cell: (g) => <Status of={stands(g)} /> },
                  { head: "Claims are paid through", cell: (g) => <Value of={g.paysThrough ?? "its end"} /> },
                  { head: "Tax credits", cell: (g) => <Value of={g.aptc} /> },
                  { head: "Policy", cell: (g) => <Value of={g.policy || "the deployment's"} /> },
                ]}
              />
            ) : null}
          </Panel>
          <Panel title="Premiums" flush>
            <Table
              label="Premiums"
              rows={invoices}
              id={(i) => i.invoiceId + i.dueOn}
              columns={[
                { head: "Invoice", cell: (i) => <span className="mono"><Value of={i.invoiceId} /></span> },
                { head: "Due", cell: (i) => <Value of={i.dueOn} /> },
                { head: "Premium", num: true, cell: (i) => <Money of={i.premium} /> },
                { head: "Paid", num: true, cell: (i) => <Money of={i.paid} /> },
                { head: "Paid on", cell: (i) => <Value of={i.paidOn} /> },
                { head: "Said", cell: (i) => (i.said === withheld ? <Withheld /> : list<{ type: string; revision: number; takenBack: number }>(i.said).filter((s) => s.revision >= s.takenBack).map((s) => <span className="tag" key={s.type}>{s.type}</span>)) },
              ]}
            />
          </Panel>
        </div>
        <div className="stack">
          {list<string>(row.marks).length > 0 ? (
            <Panel title="Contradictions">
              <ul className="lines">{list<string>(row.marks).map((m) => <li key={m}><code>{m}</code></li>)}</ul>
            </Panel>
          ) : null}
          <Panel title="Because" side={because ? <span className="quiet">{because.count} events</span> : null}>{because ? <Because {...because} /> : null}</Panel>
        </div>
      </div>
    </div>
  );
}

function bars(invoices: Invoice[], graces: Grace[]): Bar[] {
  return [
    ...invoices.flatMap((i) => (i.billed ? [{ lane: "Coverage billed", from: i.billed.periodStart, through: i.billed.periodEnd, tone: i.paidOn ? "good" : i.missed ? "bad" : "plain", label: i.paidOn ? "paid" : i.missed ? "not paid" : "due" }] : [])),
    ...invoices.map((i) => ({ lane: "Due", from: i.dueOn, through: i.dueOn, tone: i.missed ? "bad" : "plain", label: `due ${i.dueOn}` })),
    ...graces.flatMap((g) => [
      { lane: "Grace period", from: g.from, through: g.curedOn ?? g.terminatedOn ?? g.through, tone: g.curedOn ? "good" : g.expired ? "bad" : "warn", label: stands(g).replace("_", " ").toLowerCase() },
      ...(g.paysThrough ? [{ lane: "Claims paid", from: g.from, through: g.paysThrough, tone: "good", label: "claims are paid" }] : []),
    ]),
  ].filter((b) => b.from !== withheld && b.through !== withheld) as Bar[];
}
