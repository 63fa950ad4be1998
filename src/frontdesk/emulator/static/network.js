// The switches are rules of the faults API, for this phone only.

const RULES = {
  offline: { on: "webhook", kind: "offline" },
  latency: { on: "webhook", kind: "latency", value: 2 },
  duplicate: { on: "webhook", kind: "duplicate" },
  reorder: { on: "webhook", kind: "reorder", value: 3 },
};
const FAULTS = "/_emulator/faults";

/** Tie the switches to the rules in force, and say in `note` what is on. */
export function setUpNetwork(phone, note) {
  const switches = [...document.querySelectorAll("[data-fault]")];
  const idOf = (kind) => `phone-${phone}-${kind}`;
  const tell = () => {
    const names = switches.filter((each) => each.checked).map((each) => each.dataset.fault);
    note.textContent = names.length === 0 ? "" : `On: ${names.join(", ")}`;
    document.body.classList.toggle("offline", names.includes("offline"));
  };
  for (const each of switches) {
    const kind = each.dataset.fault;
    each.addEventListener("change", async () => {
      const rule = { ...RULES[kind], id: idOf(kind), to: phone };
      const call = each.checked
        ? fetch(FAULTS, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify([rule]) })
        : fetch(`${FAULTS}?id=${encodeURIComponent(idOf(kind))}`, { method: "DELETE" });
      await call;
      tell();
    });
  }
  fetch(FAULTS)
    .then((answer) => answer.json())
    .then((rules) => {
      for (const each of switches) each.checked = rules.some((rule) => rule.id === idOf(each.dataset.fault));
      tell();
    })
    .catch(() => {});
}
