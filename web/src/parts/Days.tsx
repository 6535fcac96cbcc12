export type Bar = { lane: string; from: string; through: string; tone: "good" | "warn" | "bad" | "plain"; label: string };

const day = 86_400_000;
const at = (date: string) => Date.parse(`${date}T00:00:00Z`);
const month = new Intl.DateTimeFormat("en-US", { month: "short", year: "2-digit", timeZone: "UTC" });

// Days draws spans of days in lanes, with today. Its text says the same.
export function Days({ bars }: { bars: Bar[] }) {
  if (bars.length === 0) return <p className="quiet">No days may be seen, or none are known.</p>;
  const today = Math.floor(Date.now() / day) * day;
  const from = Math.min(...bars.map((b) => at(b.from))) - 5 * day;
  const to = Math.max(...bars.map((b) => at(b.through))) + 6 * day;
  const x = (t: number) => `${((t - from) / (to - from)) * 100}%`;
  const lanes = [...new Set(bars.map((b) => b.lane))];
  const ticks: number[] = [];
  const first = new Date(from);
  const step = Math.max(1, Math.ceil((to - from) / (31 * day) / 14));
  for (let m = 1; ; m += step) {
    const t = Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + m, 1);
    if (t >= to) break;
    ticks.push(t);
  }
  return (
    <div className="days" role="img" aria-label={bars.map((b) => `${b.lane}: ${b.label}, ${b.from} through ${b.through}`).join("; ")}>
      {lanes.map((lane) => (
        <div className="lane" key={lane}>
          <span className="quiet">{lane}</span>
          <div className="track">
            {ticks.map((t) => <i key={t} className="tick" style={{ left: x(t) }} />)}
            {today > from && today < to ? <i className="today" style={{ left: x(today) }} /> : null}
            {bars.filter((b) => b.lane === lane).map((b, i) => (
              <b key={i} className={`span ${b.tone}`} style={{ left: x(at(b.from)), width: `max(4px, ${((at(b.through) + day - at(b.from)) / (to - from)) * 100}%)` }} title={`${b.label}: ${b.from} through ${b.through}`}>
                {b.from === b.through ? "" : b.label}
              </b>
            ))}
          </div>
        </div>
      ))}
      <div className="lane axis">
        <span />
        <div className="track">
          {ticks.map((t) => <span key={t} style={{ left: x(t) }}>{month.format(t)}</span>)}
          {today > from && today < to ? <span className="now" style={{ left: x(today) }}>today</span> : null}
        </div>
      </div>
    </div>
  );
}
