import { Link, useParams } from "@tanstack/react-router";
import { segment } from "../api/http";
import { list, withheld } from "../api/rows";
import { useRow } from "../api/use_watch";
import { Because, EventId } from "../parts/Because";
import { Fresh, Live } from "../parts/Freshness";
import { Page, shell } from "../parts/Page";
import { Facts, Panel } from "../parts/Panel";
import { Status, Time, Value, Withheld } from "../parts/Value";
import { Empty, ErrorBox, Loading } from "../parts/states";
import type { CoverageRow, Verdict } from "./booking_row";

// Booking is one booking's coverage, as it is now.
export default function Booking() {
  const { booking } = useParams({ strict: false }) as { booking: string };
  const path = `/v1/views/booking-coverage/${segment(booking)}`;
  const { row, state, problem } = useRow<CoverageRow>(path);
  return (
    <Page
      title={<>Booking <span className="mono">{booking}</span></>}
      sub={row ? <Fresh row={row} /> : undefined}
      actions={<Live state={state} />}
      asked={{ path, accept: "text/event-stream", cli: `payerflow view watch booking-coverage ${shell(booking)}` }}
    >
      {problem ? <ErrorBox error={problem} /> : null}
      {state === "opening" ? <Loading what="the booking" /> : null}
      {state === "live" && !row ? (
        <Empty title="No event has named this booking">
          <Link to={"/bookings" as string}>All bookings</Link>
        </Empty>
      ) : null}
      {row ? <Body row={row.value} because={row.because} /> : null}
    </Page>
  );
}

// Reasons say why a booking is not covered.
export function Reasons({ of }: { of: string[] | string }) {
  if (of === withheld) return <Withheld />;
  const all = list<string>(of);
  return all.length === 0 ? <span className="quiet">none</span> : all.map((r) => <span className="tag" key={r}>{r}</span>);
}

function Body({ row, because }: { row: CoverageRow; because?: { ids: string[]; count: number } }) {
  return (
    <div className="split">
      <div className="stack">
        <Panel title="Now" side={<Status of={row.verdict} />}>
          <Facts
            of={[
              ["Since", <Time at={row.verdictAt} />],
              ["Reasons", <Reasons of={row.reasons} />],
              ["Plan that covers it", <Value of={row.planId} />],
              ["Plan wanted", <Value of={row.wantedPlanId} />],
              ["Needs", <Value of={row.coverageType} />],
              ["Service code", <Value of={row.serviceCode} />],
              ["Day of service", <Value of={row.serviceDate} />],
              ["Visit", <Value of={row.visitType} />],
              ["Member", <Value of={row.memberId} />],
              ["Provider", <Value of={row.providerId} />],
            ]}
          />
        </Panel>
        <Panel title="How it came" side={<span className="quiet">by event time</span>}>
          <ol className="timeline">
            {list<Verdict>(row.history).toReversed().map((v, i) => (
              <li key={i}>
                <Time at={v.at} />
                <div>
                  <Status of={v.verdict} /> <Reasons of={v.reasons} />
                  <p className="quiet">by {list<string>(v.by).map((id) => <span key={id}><EventId id={id} short /> </span>)}</p>
                </div>
              </li>
            ))}
          </ol>
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
  );
}
