import { Link, useParams } from "@tanstack/react-router";
import { segment } from "../api/http";
import { list, withheld } from "../api/rows";
import { may, useSession } from "../api/session";
import { useRow } from "../api/use_watch";
import { Because, EventId } from "../parts/Because";
import { Fresh, Live } from "../parts/Freshness";
import { Page, shell } from "../parts/Page";
import { Facts, Panel } from "../parts/Panel";
import { Money, Status, Time, Value, Withheld } from "../parts/Value";
import { Empty, ErrorBox, Loading } from "../parts/states";
import type { ClaimFact, ClaimRow } from "./claim_row";

// Claim is one claim, as it is now: the page follows it.
export default function Claim() {
  const { claim } = useParams({ strict: false }) as { claim: string };
  const path = `/v1/views/claim-status/${segment(claim)}`;
  const { row, state, problem } = useRow<ClaimRow>(path);
  return (
    <Page
      title={<>Claim <span className="mono">{claim}</span></>}
      sub={row ? <Fresh row={row} /> : undefined}
      actions={<Live state={state} />}
      asked={{ path, accept: "text/event-stream", cli: `payerflow view watch claim-status ${shell(claim)}` }}
    >
      {problem ? <ErrorBox error={problem} /> : null}
      {state === "opening" ? <Loading what="the claim" /> : null}
      {state === "live" && !row ? (
        <Empty title="No event has named this claim">
          It appears here as soon as one does. <Link to={"/claims" as string}>All claims</Link>
        </Empty>
      ) : null}
      {row ? <Body row={row.value} because={row.because} /> : null}
    </Page>
  );
}

function Body({ row, because }: { row: ClaimRow; because?: { ids: string[]; count: number } }) {
  const who = useSession();
  const under = (view: string, to: string, id: string) => (id === withheld ? <Withheld /> : may.read(who, view) ? <Link to={to as string}>{id}</Link> : id);
  return (
    <div className="split">
      <div className="stack">
        <Panel title="Now" side={<Status of={row.status} />}>
          <Facts
            of={[
              ["Since", <Time at={row.statusAt} />],
              ["Billed", <Money of={row.billed} />],
              ["Allowed", <Money of={row.allowed} />],
              ["Plan pays", <Money of={row.payable} />],
              ["Paid", <><Money of={row.paid} />{row.paidProvisional ? <span className="tag" title="Said by the claims mirror alone">provisional</span> : null}</>],
              ["Member owes", <Money of={row.memberResponsibility} />],
              ["Served", <Value of={row.serviceDate} />],
              ["Type", <Value of={row.claimType} />],
              ["Service code", <Value of={row.serviceCode} />],
              ["Member", under("claim-status", `/claims?member=${segment(row.memberId)}`, row.memberId)],
              ["Provider", under("claims-by-provider", `/appeals?provider=${segment(row.providerId)}`, row.providerId)],
              ["Plan", <Value of={row.planId} />],
            ]}
          />
        </Panel>
        {row.denialCode || row.appealDeadline ? (
          <Panel title="Denied">
            <Facts of={[["Reason", <><code><Value of={row.denialCode} /></code> <Value of={row.denialText} /></>], ["Appeal until", <Value of={row.appealDeadline} />]]} />
          </Panel>
        ) : null}
        <Panel title="History" side={<span className="quiet">by event time</span>}>
          {row.history === withheld ? <Withheld /> : null}
          <ol className="timeline">
            {list<ClaimFact>(row.history).toReversed().map((f) => (
              <li key={f.id}>
                <Time at={f.at} />
                <div>
                  <b>{f.type}</b> <EventId id={f.id} short />
                  <Fact fact={f} />
                </div>
              </li>
            ))}
          </ol>
        </Panel>
      </div>
      <div className="stack">
        {list<string>(row.marks).length > 0 ? (
          <Panel title="Contradictions">
            <ul className="lines">
              {list<string>(row.marks).map((m) => (
                <li key={m}><code>{m}</code></li>
              ))}
            </ul>
          </Panel>
        ) : null}
        {list(row.appeals).length > 0 || row.appealState ? (
          <Panel title="Appeals" side={<Status of={row.appealState} />}>
            {list<Record<string, unknown>>(row.appeals).map((a, i) => (
              <Facts key={i} of={Object.entries(a).filter(([, v]) => !Array.isArray(v)).map(([k, v]) => [spaced(k), /state|outcome/i.test(k) ? <Status of={v as string} /> : <Value of={v} />])} />
            ))}
          </Panel>
        ) : null}
        {row.requiresPriorAuth || row.priorAuthId ? (
          <Panel title="Prior authorization" side={<Status of={row.priorAuthState} />}>
            <Facts of={[["Required", <Value of={row.requiresPriorAuth} />], ["Id", <Value of={row.priorAuthId} />]]} />
          </Panel>
        ) : null}
        {row.grace || list(row.graceSpans).length > 0 ? (
          <Panel title="Grace period" side={<Status of={row.grace} />}>
            {list<Record<string, unknown>>(row.graceSpans).map((s, i) => (
              <Facts key={i} of={Object.entries(s).map(([k, v]) => [spaced(k), <Value of={v} />])} />
            ))}
          </Panel>
        ) : null}
        <Panel title="Because" side={because ? <span className="quiet">{because.count} events</span> : null}>
          {because ? <Because {...because} /> : null}
        </Panel>
      </div>
    </div>
  );
}

const told = new Set(["id", "type", "at", "memberId", "providerId", "planId"]);
const money = new Set(["billed", "allowed", "paid", "memberResponsibility", "costShare", "payable", "amount"]);

// Fact is what one event said that others did not.
function Fact({ fact }: { fact: ClaimFact }) {
  const said = Object.entries(fact).filter(([k, v]) => !told.has(k) && v !== undefined && v !== null && v !== "" && v !== false);
  if (said.length === 0) return null;
  return (
    <p className="said">
      {said.map(([k, v]) => (
        <span key={k}>
          <span className="quiet">{spaced(k)}</span> {money.has(k) ? <Money of={v as string} /> : <Value of={v} />}
        </span>
      ))}
    </p>
  );
}

const spaced = (name: string) => name.replace(/[A-Z]+/g, (m) => ` ${m.toLowerCase()}`).replace(/^./, (c) => c.toUpperCase());
