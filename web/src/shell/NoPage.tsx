import { Link } from "@tanstack/react-router";
import { Empty } from "../parts/states";

export function NoPage() {
  return (
    <Empty title="There is no such page">
      <Link to="/">Go to the overview</Link>, or press <kbd>/</kbd> to search.
    </Empty>
  );
}
