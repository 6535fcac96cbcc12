import { useQuery } from "@tanstack/react-query";
import { get } from "../api/http";
import { Page } from "../parts/Page";
import { Panel } from "../parts/Panel";
import { Table } from "../parts/Table";
import { Empty, ErrorBox, Loading } from "../parts/states";

export type View = { name: string; key: string; doc: string; path: string };

// Views are those that the session may read.
export default function Views() {
  const { data, error, isPending } = useQuery({ queryKey: ["views"], queryFn: ({ signal }) => get<{ views: View[] | null }>("/v1/views", signal) });
  return (
    <Page title="All views" sub="Every view that this session may read, row by row" asked={{ path: "/v1/views", cli: "payerflow view list --help" }}>
      {error ? <ErrorBox error={error} /> : null}
      {isPending ? <Loading what="views" /> : null}
      {data && !data.views?.length ? <Empty title="This session may read no view">An administrator gives scopes: <code>payerflow token create --read VIEW</code></Empty> : null}
      {data?.views?.length ? (
        <Panel flush>
          <Table
            label="Views"
            rows={data.views}
            id={(v) => v.name}
            to={(v) => `/views/${v.name}`}
            columns={[
              { head: "View", cell: (v) => <span className="mono">{v.name}</span> },
              { head: "Key", cell: (v) => v.key },
              { head: "What a row says", cell: (v) => <span title={v.doc}>{v.doc}</span> },
            ]}
          />
        </Panel>
      ) : null}
    </Page>
  );
}
