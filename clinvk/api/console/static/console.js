// A terminal as large as the window, and the socket to the console behind it.
"use strict";

(() => {
  const LEFT = 4000, NOT_UNDERSTOOD = 1007, CRASHED = 1011, FULL = 1013, LOCKED = 4401, SWITCHED_OFF = 4404; // as the server has them
  const PROTOCOL = "clinvk.console", KEY_PROTOCOL = "clinvk.key.", KEPT = "clinvk.key";
  const PIECE = 2048; // characters of a paste at once: six bytes each at the most, of 16384 that a message may have
  const PATIENCE_MS = { first: 300, most: 5000 };
  const root = document.documentElement;
  const notice = document.getElementById("notice");
  const unlock = document.getElementById("unlock");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let socket, wait = PATIENCE_MS.first, key = kept();

  // The API key: of this tab, also when it is loaded again. Where the browser keeps nothing, until then.
  function kept() {
    try {
      return sessionStorage.getItem(KEPT) ?? "";
    } catch {
      return "";
    }
  }

  function keep(text) {
    key = text;
    try {
      if (text) sessionStorage.setItem(KEPT, text);
      else sessionStorage.removeItem(KEPT);
    } catch (error) {
      console.warn("the key is not kept", error);
    }
  }

  // A key is its bytes, in UTF-8: headers take characters of one byte, names of protocols fewer still.
  const bytesOf = (text) => Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join("");
  const named = (text) => btoa(bytesOf(text)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

  // The page's policy forbids inline styles, and xterm.js writes some: the same by means that it allows.
  const create = document.createElement;
  document.createElement = function (name, options) {
    if (name !== "style") return create.call(this, name, options);
    const sheet = new CSSStyleSheet();
    document.adoptedStyleSheets.push(sheet);
    return Object.defineProperty(create.call(this, "template"), "textContent", { set: (css) => sheet.replaceSync(css) });
  };
  const setAttribute = Element.prototype.setAttribute;
  Element.prototype.setAttribute = function (name, value) {
    if (name === "style") this.style.cssText = value;
    else setAttribute.call(this, name, value);
  };

  const colours = () => {
    const style = getComputedStyle(root);
    const [background, foreground] = ["--ground", "--ink"].map((name) => style.getPropertyValue(name).trim());
    return { background, foreground, cursor: foreground, cursorAccent: background };
  };
  const terminal = new Terminal({
    fontFamily: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace',
    fontSize: 14,
    scrollback: 0,
    cursorInactiveStyle: "none",
    macOptionIsMeta: true,
    macOptionClickForcesSelection: true,
    theme: colours(),
  });
  const fit = new FitAddon.FitAddon();

  function tell(message) {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  }

  function tellSize() {
    tell({ type: "size", columns: terminal.cols, rows: terminal.rows, dark: dark.matches });
  }

  function type(text) {
    for (let at = 0, end; at < text.length; at = end) {
      end = at + PIECE;
      if (/[\uD800-\uDBFF]/.test(text.charAt(end - 1))) end += 1; // a character of two is not cut
      tell({ type: "input", text: text.slice(at, end) });
    }
  }

  // What stays the browser's: its own clipboard keys, and those that reload, enlarge and inspect the page.
  function isOurs(event) {
    if (["F5", "F11", "F12"].includes(event.key)) return false;
    if (!(event.ctrlKey || event.metaKey)) return true;
    const key = event.key.toLowerCase();
    return !(key === "v" || (key === "c" && (event.metaKey || terminal.hasSelection())));
  }

  // OSC 52: the console copies. It never gets to read what is there.
  function copy(data) {
    const coded = data.slice(data.indexOf(";") + 1);
    if (coded === "?") return true;
    try {
      const text = new TextDecoder().decode(Uint8Array.from(atob(coded), (each) => each.charCodeAt(0)));
      if (navigator.clipboard) navigator.clipboard.writeText(text).catch(() => copyByHand(text));
      else copyByHand(text);
    } catch (error) {
      console.warn("nothing that can be copied", error);
    }
    return true;
  }

  // Where the page came by plain HTTP from another machine, there is no other way.
  function copyByHand(text) {
    const field = Object.assign(document.createElement("textarea"), { value: text });
    document.body.append(field);
    field.select();
    if (!document.execCommand("copy")) say("The browser does not let this page copy.");
    field.remove();
    terminal.focus();
  }

  function say(text, { away = false, again = false } = {}) {
    notice.querySelector("p").textContent = text;
    notice.querySelector("button").hidden = !again;
    notice.hidden = !text;
    root.classList.toggle("away", away);
    if (again) notice.querySelector("button").focus();
  }

  function connect() {
    let opened = false;
    const address = new URL("/console/socket", location.href);
    address.protocol = address.protocol.replace("http", "ws");
    socket = new WebSocket(address, key ? [PROTOCOL, KEY_PROTOCOL + named(key)] : [PROTOCOL]);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      opened = true;
      terminal.reset();
      fit.fit();
      tellSize();
    };
    socket.onmessage = ({ data }) => {
      if (!notice.hidden) say("");
      wait = PATIENCE_MS.first;
      terminal.write(new Uint8Array(data));
      terminal.focus();
    };
    socket.onclose = ({ code, reason }) => away(code, reason, opened);
  }

  async function away(code, reason, opened) {
    if (code === LEFT || code === CRASHED) return say(`${reason}.`, { away: true, again: true });
    if (code === NOT_UNDERSTOOD) return say(`${reason}.`, { away: true });
    if (code === LOCKED) return ask(reason);
    let known = code === FULL || code === SWITCHED_OFF ? reason : "";
    if (!known && !opened) {
      const refused = await refusal();
      if (refused.status === 401) return ask(key ? refused.reason : "This server asks for an API key");
      if (refused.status === 403 && key) return ask(refused.reason);
      known = refused.reason;
    }
    say(known ? `${known}. Trying again…` : "The server is away. Trying again…", { away: true });
    wait = known ? PATIENCE_MS.most : Math.min(wait * 2, PATIENCE_MS.most);
    setTimeout(connect, wait);
  }

  // Why there is no socket: a browser does not tell, but whoever asks in plain HTTP is told.
  async function refusal() {
    try {
      const answer = await fetch("/console/socket", { headers: key ? { Authorization: `Bearer ${bytesOf(key)}` } : {} });
      const { status } = answer;
      return { status, reason: status === 400 ? "" : (await answer.json()).detail }; // 400: there would be one
    } catch {
      return { status: 0, reason: "" }; // nobody answers
    }
  }

  function ask(why) {
    keep("");
    say("", { away: true });
    unlock.querySelector("[role=alert]").textContent = `${why}.`;
    unlock.hidden = false;
    unlock.querySelector("input").focus();
  }

  terminal.loadAddon(fit);
  terminal.open(document.getElementById("screen"));
  terminal.onData(type);
  terminal.onResize(tellSize);
  terminal.attachCustomKeyEventHandler(isOurs);
  terminal.parser.registerOscHandler(52, copy);
  new ResizeObserver(() => fit.fit()).observe(document.getElementById("screen"));
  dark.addEventListener("change", () => {
    terminal.options.theme = colours();
    tellSize();
  });
  unlock.addEventListener("submit", (event) => {
    event.preventDefault();
    const field = unlock.querySelector("input");
    keep(field.value.trim());
    field.value = "";
    unlock.hidden = true;
    say("Opening…", { away: true });
    connect();
  });
  notice.querySelector("button").addEventListener("click", () => {
    say("Opening…", { away: true });
    terminal.focus();
    connect();
  });
  connect();
})();
