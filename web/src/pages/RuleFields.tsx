import type { Rule, Subscription } from "../api/rule_rows";
import { Choice, Filters, Text } from "../parts/Filters";
import { Panel } from "../parts/Panel";

type Row = Partial<Rule & Subscription>;

const words = (text: string) => text.split(/[\s,]+/).filter(Boolean);

// RuleFields are the members of a row that most changes are about.
export function RuleFields({ row, put, subscription, fresh }: { row: Row; put: (change: Row) => void; subscription: boolean; fresh: boolean }) {
  const tags = row.tags ?? {};
  const list = (label: string, value: string[] | undefined, set: (v: string[]) => void, placeholder?: string) => (
    <Text label={label} value={value?.join(", ")} set={(v) => set(words(v))} placeholder={placeholder} wide />
  );
  return (
    <Panel title="What it chooses">
      <div className="stack">
        <Filters>
          {fresh ? <Text label="Name" value={row.name} set={(name) => put({ name })} /> : null}
          {list("Event types, or patterns", row.eventTypes, (eventTypes) => put({ eventTypes }), "CLAIM_SUBMITTED, CLAIM_D*")}
          {subscription ? list("Routing rules", row.rules, (rules) => put({ rules }), "none: every event of these types") : null}
          {subscription ? null : <Text label="Goes to" value={row.destination} set={(destination) => put({ destination })} placeholder="team/subscription" wide />}
        </Filters>
        {subscription ? (
          <Filters>
            {list("All of these tags", tags.allOf, (allOf) => put({ tags: { ...tags, allOf } }))}
            {list("Any of these tags", tags.anyOf, (anyOf) => put({ tags: { ...tags, anyOf } }))}
            {list("None of these tags", tags.noneOf, (noneOf) => put({ tags: { ...tags, noneOf } }))}
            <Choice label="Delivery" value={row.delivery ?? "topic"} set={(delivery) => put({ delivery })} of={["topic", "stream", "pull"]} any={null} />
            <Choice label="Synthetic events" value={row.synthetic ?? "discard"} set={(synthetic) => put({ synthetic })} of={["discard", "pass-through"]} any={null} />
          </Filters>
        ) : null}
      </div>
    </Panel>
  );
}
