/** @file The look of the report's page: one sheet, light and dark, wide and narrow. */

export const styleSheet = `
:root { color-scheme: light dark; --paper: #fbfbf9; --card: #fff; --ink: #23252e; --faint: #686c7c; --line: #e3e3de;
  --high: #b3322a; --medium: #a2620c; --low: #4f5d78; --note: #2f7a5d; --high-soft: #fbe9e7; --medium-soft: #fcf1de;
  --low-soft: #edf0f5; --note-soft: #e6f3ee; --cut: #fff; }
@media (prefers-color-scheme: dark) { :root { --paper: #16181d; --card: #1f2228; --ink: #e6e7ea; --faint: #9aa0ae;
  --line: #32363f; --high: #ff8a80; --medium: #f0b45c; --low: #a8b6d2; --note: #7fd0ae; --high-soft: #3a2220;
  --medium-soft: #38301f; --low-soft: #272c36; --note-soft: #1f302a; --cut: #16181d; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI",
  Roboto, "Noto Sans", sans-serif; overflow-wrap: anywhere; }
main { max-width: 1180px; margin: 0 auto; padding: 28px 24px 60px; }
h1 { font-size: 26px; line-height: 1.25; margin: 0; letter-spacing: -0.01em; }
h2 { font-size: 18px; margin: 40px 0 12px; }
p { margin: 0; } .faint { color: var(--faint); } .sub { margin-top: 4px; }
.sprites { position: absolute; width: 0; height: 0; overflow: hidden; }
.tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: 12px; margin: 22px 0 0; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px; }
.tile b { display: block; font-size: 25px; line-height: 1.2; font-variant-numeric: tabular-nums; }
.facts { display: grid; grid-template-columns: 110px 1fr; gap: 6px 14px; margin: 18px 0 0; }
.facts dt { color: var(--faint); } .facts dd { margin: 0; }
.swatch { width: 12px; height: 12px; vertical-align: -1px; margin-right: 5px; }
.places { width: 56px; height: 56px; float: left; margin: 3px 12px 4px 0; border: 1px solid var(--line); fill: var(--ink); }
.facts dd { min-width: 0; } .grounds span { white-space: nowrap; margin-right: 14px; }
ol.todo { list-style: none; margin: 0; padding: 0; display: grid; gap: 10px; }
.todo li, .note { background: var(--card); border: 1px solid var(--line); border-left-width: 4px; border-radius: 8px;
  padding: 12px 16px; }
.todo li { display: grid; grid-template-columns: 30px 1fr; column-gap: 6px; }
.todo .n { font-size: 19px; line-height: 1.3; font-weight: 600; color: var(--faint); }
.action { margin-top: 4px; font-weight: 600; }
.high { border-left-color: var(--high) !important; } .medium { border-left-color: var(--medium) !important; }
.low { border-left-color: var(--low) !important; } .note { border-left-color: var(--note) !important; }
.badge { display: inline-block; border-radius: 5px; padding: 0 7px; font-size: 12.5px; line-height: 20px; margin: 3px 5px 0 0; }
.badge.high { background: var(--high-soft); color: var(--high); } .badge.medium { background: var(--medium-soft);
  color: var(--medium); } .badge.low { background: var(--low-soft); color: var(--low); } .badge.note {
  background: var(--note-soft); color: var(--note); border: 0; padding: 0 7px; }
.notes { display: grid; gap: 10px; }
.strip { display: flex; flex-wrap: wrap; gap: 6px; margin-top: 8px; }
.strip a { display: block; } .strip svg { display: block; height: 56px; max-width: 110px; border-radius: 4px; }
.strip .more { align-self: center; color: var(--faint); font-size: 13px; padding-left: 4px; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(250px, 1fr)); gap: 14px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; overflow: hidden; scroll-margin: 12px; }
.card:target { outline: 3px solid var(--medium); }
.card .view { display: block; width: 100%; height: 210px; background: var(--low-soft); }
.cut { fill: var(--cut); fill-opacity: 0.72; } .edge { fill: none; stroke: #fff; stroke-width: 1.5; }
.under { fill: none; stroke: #000; stroke-opacity: 0.65; stroke-width: 3.5; }
.card .body { padding: 10px 13px 12px; } .card h3 { font-size: 14px; margin: 0; }
.nums { color: var(--faint); font-size: 13px; font-variant-numeric: tabular-nums; }
.caption { margin-top: 7px; font-size: 13.5px; line-height: 1.65; }
.caption .t:nth-of-type(odd) { background: var(--low-soft); border-radius: 3px; }
.caption del { color: var(--high); } .chunk { color: var(--medium); font-weight: 600; }
ul.plain { margin: 0; padding-left: 20px; }
footer { margin-top: 44px; color: var(--faint); font-size: 13px; border-top: 1px solid var(--line); padding-top: 14px; }
@media (max-width: 640px) { main { padding: 18px 14px 40px; } .tiles { grid-template-columns: 1fr 1fr; }
  .facts { grid-template-columns: 1fr; gap: 0; } .facts dd { margin-bottom: 8px; } h1 { font-size: 21px; }
  .cards { grid-template-columns: 1fr; } .todo li { grid-template-columns: 24px 1fr; padding: 10px 12px; } }
@media print { .card, .todo li { break-inside: avoid; } }
`;
