import { query, segment } from "../api/http";
import { all, list, quoted } from "../api/rows";
import { Choice, Filters, Text } from "../parts/Filters";
import { Page, shell } from "../parts/Page";
import { RowList } from "../parts/RowList";
import { Status, Time, Value } from "../parts/Value";
import { Empty } from "../parts/states";
import { useFilters } from "../shell/filters";
import { Reasons } from "./Booking";
import type { CoverageRow } from "./booking_row";

// Bookings are those whose coverage was decided, or is to be.
export default function Bookings() {
  const [f, set] = useFilters();
  const where = all(
    f.verdict && `row.verdict == ${quoted(f.verdict)}`,
    f.member && `row.memberId == ${quoted(f.member)}`,
    f.provider && `row.providerId == ${quoted(f.provider)}`,
    f.reason && `row.reasons.exists(r, r == ${quoted(f.reason)})`,
  );
  const asked = { where, sort: "-verdictAt" };
  return (
    <Page
      title="Booking coverage"
      sub="Whether insurance covers a booking, and why not"
      asked={{ path: query("/v1/views/booking-coverage", asked), cli: `payerflow view query booking-coverage${where ? ` --where ${shell(where)}` : ""} --sort -verdictAt` }}
    >
      <Filters>
        <Text label="Member" value={f.member} set={(member) => set({ member })} placeholder="member id" />
        <Text label="Provider" value={f.provider} set={(provider) => set({ provider })} placeholder="provider id" />
        <Choice label="Verdict" value={f.verdict} set={(verdict) => set({ verdict })} of={["COVERED", "NOT_COVERED", "UNDECIDED", "CANCELLED"]} />
        <Text label="Reason" value={f.reason} set={(reason) => set({ reason })} placeholder="NO_COVERAGE…" />
      </Filters>
      <RowList<CoverageRow>
        view="booking-coverage"
        asked={asked}
        to={(r) => `/bookings/${segment(r.key)}`}
        empty={
          <Empty title={where ? "No booking is like that" : "There are no bookings yet"}>
            {where ? "Take a filter away." : <>Offer a time and book it: <code>payerflow booking --help</code></>}
          </Empty>
        }
        columns={[
          { head: "Booking", cell: (r) => <span className="mono">{r.key}</span> },
          { head: "Verdict", cell: (r) => <Status of={r.value.verdict} /> },
          { head: "Since", cell: (r) => <Time at={r.value.verdictAt} /> },
          { head: "Reasons", cell: (r) => <Reasons of={r.value.reasons} /> },
          { head: "Served", cell: (r) => <Value of={r.value.serviceDate} /> },
          { head: "Visit", cell: (r) => <Value of={r.value.visitType} /> },
          { head: "Member", cell: (r) => <span className="mono"><Value of={r.value.memberId} /></span> },
          { head: "Turns", num: true, cell: (r) => list(r.value.history).length },
        ]}
      />
    </Page>
  );
}
