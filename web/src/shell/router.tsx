import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import { ErrorBox } from "../parts/states";
import { pages } from "../pages";
import { Shell } from "./Shell";
import { NoPage } from "./NoPage";

const root = createRootRoute({ component: Shell, notFoundComponent: NoPage, errorComponent: ({ error }) => <ErrorBox error={error} /> });

// makeRouter has a route for each page. Filters are plain texts in the address.
export function makeRouter() {
  const routes = pages.map((page) =>
    createRoute({
      getParentRoute: () => root,
      path: page.path,
      component: lazyRouteComponent(page.load),
      errorComponent: ({ error }) => <ErrorBox error={error} />,
    }),
  );
  return createRouter({
    routeTree: root.addChildren(routes),
    basepath: "/portal",
    trailingSlash: "preserve",
    defaultPreload: "intent",
    scrollRestoration: false,
    parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
    stringifySearch: (search) => {
      const text = new URLSearchParams(Object.entries(search).filter(([, v]) => v !== undefined && v !== "") as [string, string][]).toString();
      return text ? `?${text}` : "";
    },
  });
}
