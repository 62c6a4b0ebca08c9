import type zh from "../zh/cameras";

export default {
  title: "Cameras",
  search: "Name, code, GB/T id or address",
  tree: { label: "Areas", all: "All areas", cameras: "cameras", show: "Area: {name}" },
  filter: { label: "Filters", state: "State", area: "Area", unit: "Unit", device: "Device", anyUnit: "All units", drop: "Drop the filter: {name}", q: "Find", looked: "Checked" },
  columns: { label: "Columns", usual: "The usual columns" },
  column: {
    name: "Name", code: "Code", area: "Area", unit: "Unit", device: "Device", address: "Address", gb_id: "GB/T id", cause: "Cause",
    state: "State", channel: "Channel", since: "Since", lasts: "Lasts", checked: "Checked", good: "Last good", next: "Next check", day: "24 h",
  },
  sort: { label: "Order", up: "ascending", down: "descending", state: "Worst first", "-state": "Ok first", name: "By name", "-name": "By name, backwards", since: "Longest first", "-since": "Latest change first" },
  shown: "{n} of {whole} in {area}",
  shownAll: "{n} of {whole}",
  pill: "Since {time}: {enter} new, {leave} gone - show",
  checking: "Checking…",
  mark: "Mark {name}",
  markAll: "Mark all that are loaded",
  marked: {
    label: "Marked cameras",
    n: "{n} marked",
    clear: "Unmark",
    wallMost: "The wall holds {n} at most: the first {n} are shown",
    asked: "{n} asked for",
    under: "{n} under way",
    refused: "{n} not checked",
    whyRefused: "Why they were not checked",
  },
  check: {
    title: "Check {n} cameras now?",
    text: "These {n} go before what is scheduled, with one connection to each camera; scheduled checks will be later.",
    verb: "Check {n}",
  },
  export: {
    label: "Export",
    title: "Export {n} cameras",
    verb: "Export {n}",
    text: "Goes into the audit with your name and reason; the service makes the file, of 20,000 rows at most.",
    most: "Of marked ones {n} at most at once: unmark some, or filter and export all.",
    done: "{n} exported",
  },
  empty: {
    none: { title: "No cameras yet", text: "Find devices on the network and adopt them, or import a list.", go: "Go to proposals", ask: "Ask the administrator to adopt devices, or for an area." },
    match: { title: "No camera matches", text: "There are {whole} in your areas. Drop one of these filters:" },
    fresh: { late: "No camera is overdue", in_time: "No camera was checked in time", never: "Every camera has been checked", text: "{n} cameras, as of {time}." },
    bad: { title: "Nothing is wrong now", text: "{n} cameras; as of {time} none is: {states}." },
  },
} satisfies typeof zh;
