import type zh from "../zh/now";

export default {
  title: "Now",
  of: "of",
  yours: "Your areas: {n} cameras",
  inArea: "{area}: {n} cameras",
  area: "Area",
  allAreas: "All areas",
  checked: "checked in time {of}",
  late: "{late} late, {never} never",
  oldest: "oldest check",
  online: "online",
  good: "picture good",
  unrated: "not assessable",
  how: {
    label: "how it is counted",
    online: "Online = online / (online + offline). Ok, fault and cannot judge are online: their pictures arrive.",
    good: "Picture good = ok / online. What cannot be judged is not good.",
    left: "Unknown and maintenance are in no denominator; they are shown above. Silences and grouping change none of these figures.",
  },
  incidents: {
    label: "Open incidents",
    unacknowledged: "not acknowledged {n}",
    notAck: "not acknowledged",
    cams: "{n} cams",
    all: "All {n}",
    none: "Nothing is wrong now",
    looked: "{n} cameras, the oldest check was",
  },
  changed: { label: "Changed in the last hour", list: "All by time of change", none: "Nothing changed in an hour.", after: "{state} after {dur} {old}" },
  fresh: { label: "Freshness", how: "in time: looked at within 1.5 planned intervals", late: "late {n}", never: "never {n}", oldest: "oldest", none: "No areas.", all: "All {n} areas", fewer: "Fewer" },
  strange: { title: "Area not found.", text: "It does not exist or is outside your areas. Check it, or ask for the area.", go: "All areas" },
} satisfies typeof zh;
