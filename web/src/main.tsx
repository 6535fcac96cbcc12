import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Problem } from "./api/http";
import { session } from "./api/session";
import { makeRouter } from "./shell/router";
import "./style/index.css";

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      refetchOnWindowFocus: false,
      retry: (n, err) => n < 2 && err instanceof Problem && (err.status === 0 || err.status === 503),
    },
  },
});

// Where a session has ended, the page asks who is there, and shows the sign-in.
client.getQueryCache().subscribe((e) => {
  if (e.type === "updated" && e.action.type === "error" && e.query.queryKey[0] !== "session") {
    const err = e.action.error;
    if (err instanceof Problem && err.status === 401) void client.invalidateQueries({ queryKey: session.queryKey });
  }
});

createRoot(document.getElementById("portal")!).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <RouterProvider router={makeRouter()} />
    </QueryClientProvider>
  </StrictMode>,
);
