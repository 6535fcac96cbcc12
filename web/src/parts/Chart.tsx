import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

export type Line = { label: string; values: (number | null)[]; token: string; scale?: string };

const colour = (el: Element, token: string) => getComputedStyle(el).getPropertyValue("color") && resolve(el, token);

// resolve is a colour of the theme as a canvas takes it.
function resolve(el: Element, token: string): string {
  const probe = document.createElement("i");
  probe.style.color = `var(${token})`;
  el.append(probe);
  const c = getComputedStyle(probe).color;
  probe.remove();
  return c;
}

// Chart draws lines over time. The figures beside it say the same in words.
export default function Chart({ label, times, lines, height = 180 }: { label: string; times: number[]; lines: Line[]; height?: number }) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const shape = lines.map((l) => l.label).join();
  useEffect(() => {
    const el = box.current!;
    const make = () => {
      plot.current?.destroy();
      const quiet = colour(el, "--quiet") || "gray";
      const grid = colour(el, "--line") || "gray";
      plot.current = new uPlot(
        {
          width: el.clientWidth,
          height,
          legend: { show: true, live: true },
          cursor: { points: { size: 6 } },
          scales: Object.fromEntries(lines.map((l) => [l.scale ?? "y", { range: (_u: uPlot, _lo: number, hi: number): [number, number] => [0, Math.max(hi * 1.15, 1)] }])),
          axes: [
            { stroke: quiet, grid: { stroke: grid, width: 1 }, ticks: { show: false } },
            ...[...new Set(lines.map((l) => l.scale ?? "y"))].map((scale, i) => ({ scale, side: i ? 1 : 3, stroke: quiet, size: 56, grid: { show: i === 0, stroke: grid, width: 1 }, ticks: { show: false } })),
          ],
          series: [{}, ...lines.map((l) => ({ label: l.label, scale: l.scale ?? "y", stroke: colour(el, l.token) || "blue", width: 1.5, points: { show: false }, value: (_: uPlot, v: number | null) => (v === null ? "–" : v.toLocaleString("en-US", { maximumFractionDigits: 1 })) }))],
        } as uPlot.Options,
        [times, ...lines.map((l) => l.values)] as uPlot.AlignedData,
        el,
      );
    };
    make();
    const size = new ResizeObserver(() => plot.current?.setSize({ width: el.clientWidth, height }));
    size.observe(el);
    const theme = new MutationObserver(make);
    theme.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    return () => {
      size.disconnect();
      theme.disconnect();
      plot.current?.destroy();
    };
  }, [shape, height]);
  useEffect(() => plot.current?.setData([times, ...lines.map((l) => l.values)] as uPlot.AlignedData), [times, lines]);
  return <div className="chart" ref={box} role="img" aria-label={label} />;
}
