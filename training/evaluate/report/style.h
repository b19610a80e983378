// SPDX-License-Identifier: Apache-2.0
// The report's style sheet.
#pragma once

namespace uniad {

// The report's style: a single column on phones, and dark mode if the system uses it.
inline constexpr const char *style_sheet = R"(
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1d2330; --faint: #646e80; --rule: #e2e6ec;
  --panel: #f6f7f9; --normal: #2f6fb2; --abnormal: #d1602a; --wrong: #b3261e; --right: #2c7a4b; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171c; --ink: #e4e7ec; --faint: #99a2b1;
  --rule: #2b313b; --panel: #1b1f26; --normal: #6ba7e5; --abnormal: #ef9161; --wrong: #f2837b; --right: #6cc28f; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1rem 4rem; max-width: 1080px; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .4rem; overflow-wrap: anywhere; }
h2 { font-size: 1.35rem; margin: 3rem 0 .3rem; padding-top: 1.2rem; border-top: 1px solid var(--rule);
  overflow-wrap: anywhere; }
h3 { font-size: 1rem; margin: 1.8rem 0 .5rem; }
p { margin: .3rem 0; max-width: 46rem; overflow-wrap: anywhere; }
.faint, figcaption { color: var(--faint); font-size: .9rem; }
a { color: var(--normal); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: .8rem; margin: 1.4rem 0; }
.tile { background: var(--panel); border-radius: 10px; padding: .8rem 1rem; }
.tile b { display: block; font-size: 1.6rem; font-weight: 600; font-variant-numeric: tabular-nums; line-height: 1.3; }
.tile span { color: var(--faint); font-size: .85rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; margin: .4rem 0; }
.wide { width: 100%; }
th, td { padding: .38rem .5rem; text-align: right; border-bottom: 1px solid var(--rule); white-space: nowrap; }
th { font-weight: 600; color: var(--faint); white-space: normal; vertical-align: bottom; line-height: 1.25; }
th:first-child, td:first-child { text-align: left; white-space: normal; overflow-wrap: break-word; max-width: 16rem; }
.mean td { font-weight: 600; border-bottom: 0; }
.good { color: var(--right); } .bad { color: var(--wrong); }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 320px), 1fr)); gap: 1rem; margin: 1rem 0; }
figure { margin: 0; }
figcaption { margin-top: .3rem; }
svg { width: 100%; height: auto; display: block; background: var(--panel); border-radius: 10px; }
svg text { font: 13px system-ui, sans-serif; fill: var(--faint); }
svg .note { fill: var(--ink); }
.grid { stroke: var(--rule); } .axis { stroke: var(--faint); }
.line { fill: none; stroke: var(--normal); stroke-width: 2; stroke-linejoin: round; }
.line.chance { stroke: var(--faint); stroke-width: 1; stroke-dasharray: 3 4; }
.bar { fill-opacity: .6; } .bar.normal { fill: var(--normal); } .bar.abnormal { fill: var(--abnormal); }
.band { fill: var(--abnormal); fill-opacity: .18; } .strip { fill: var(--wrong); }
.threshold { stroke: var(--ink); stroke-dasharray: 5 4; } .dot { fill: var(--abnormal); }
.key { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin: 0 .3em 0 .8em; opacity: .75; }
.key.normal { background: var(--normal); } .key.abnormal { background: var(--abnormal); }
.key.alarm { background: var(--wrong); }
.exhibits { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr)); gap: 1rem; }
.exhibits figure { background: var(--panel); border-radius: 10px; padding: .6rem; }
.exhibits .views { display: grid; grid-template-columns: 1fr 1fr; gap: .4rem; align-items: start; }
.exhibits img { width: 100%; height: auto; display: block; border-radius: 5px; }
.exhibits figcaption { margin-top: .45rem; overflow-wrap: anywhere; line-height: 1.35; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1rem; font-size: .92rem; }
dt { font-weight: 600; } dd { margin: 0; color: var(--faint); }
@media (max-width: 560px) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .6rem; } }
)";

}  // namespace uniad
