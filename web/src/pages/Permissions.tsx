import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { EventType, Named, Page as Answer } from "../api/event_type";
import { get, query, segment } from "../api/http";
import type { Permission } from "../api/rule_rows";
import { useSession } from "../api/session";
import { Filters, Text } from "../parts/Filters";
import { Page } from "../parts/Page";
import { Panel } from "../parts/Panel";
import { Table } from "../parts/Table";
import { Empty, ErrorBox, Loading } from "../parts/states";
import { useFilters } from "../shell/filters";

// Permissions are a matrix of who may see which class.
export default function Permissions() {
  const who = useSession();
  const [f, set] = useFilters();
  const asked = useQuery({ queryKey: ["permissions"], queryFn: ({ signal }) => get<Answer<Permission>>("/v1/permissions?limit=1000", signal) });
  const types = useQuery({ queryKey: ["all-types"], queryFn: ({ signal }) => get<Answer<EventType>>("/v1/event-types?limit=1000", signal), staleTime: 60_000 });
  const readers = new Map<string, Map<string, Named<Permission>>>();
  for (const p of asked.data?.rows ?? []) {
    const reader = p.row.application ? `${p.row.team}:${p.row.application}` : p.row.team;
    if (!readers.has(reader)) readers.set(reader, new Map());
    readers.get(reader)!.set(p.row.class, p);
  }
  if (who.team && !readers.has(who.team)) readers.set(who.team, new Map());
  const classes = [...new Set([...(types.data?.rows.flatMap((t) => t.row.fields?.map((l) => l.class) ?? []) ?? []), ...(asked.data?.rows.map((p) => p.row.class) ?? [])])].filter((c) => c !== "PUBLIC").sort();
  const rows = [...readers].filter(([r]) => !f.q || r.includes(f.q)).sort(([a], [b]) => a.localeCompare(b));
  return (
    <Page
      title="Permissions"
      sub="Who may see which class of fields. What nobody permits is withheld; PUBLIC needs no permission"
      asked={{ path: query("/v1/permissions", {}), cli: "payerflow perm list" }}
      actions={who.scopes.admin ? <Link className="button" to={"/rules/edit" as string} search={{ kind: "permission" } as never}>New permission</Link> : null}
    >
      <Filters>
        <Text label="Team" value={f.q} set={(q) => set({ q })} />
      </Filters>
      {asked.error ? <ErrorBox error={asked.error} /> : null}
      {asked.isPending ? <Loading what="permissions" /> : null}
      {asked.data && rows.length === 0 ? <Empty title="No team by that name has a permission">Give one: <code>payerflow perm grant TEAM PHI --types TYPE</code></Empty> : null}
      {rows.length > 0 ? (
        <Panel flush>
          <Table
            label="Permissions"
            rows={rows}
            id={([reader]) => reader}
            columns={[
              { head: "Reader", cell: ([reader]) => <span className="mono">{reader}</span> },
              ...classes.map((c) => ({
                head: c,
                cell: ([, of]: [string, Map<string, Named<Permission>>]) => {
                  const p = of.get(c);
                  if (!p) return <span className="quiet">withheld</span>;
                  const some = p.row.eventTypes ?? [];
                  const says = some.length ? some.join(", ") : "all types";
                  return who.scopes.admin ? <Link to={"/rules/edit" as string} search={{ kind: "permission", name: p.name } as never} title={says}>{says}</Link> : <span title={says}>{says}</span>;
                },
              })),
              {
                head: "As it sees",
                cell: ([reader]) => (reader === who.team || (who.scopes.admin && !reader.includes(":")) ? <Link to={`/catalogue/${segment("CLAIM_SUBMITTED")}` as string} search={{ tab: "sample", team: reader } as never}>a submitted claim</Link> : <span className="quiet">–</span>),
              },
            ]}
          />
        </Panel>
      ) : null}
    </Page>
  );
}
