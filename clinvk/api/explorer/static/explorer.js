// Puts Swagger UI in the place of the plain page. Whatever goes wrong, the plain page is what one sees.
"use strict";

(() => {
  const LISTEN_MS = 10_000; // how long a stream that may have no end is listened to
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");

  function load(tag, attributes) {
    return new Promise((resolve, reject) => {
      const element = Object.assign(document.createElement(tag), attributes);
      element.onload = resolve;
      element.onerror = () => reject(new Error(`${element.src || element.href} did not load`));
      document.head.append(element);
    });
  }

  async function specification() {
    const answer = await fetch("/openapi.json");
    if (!answer.ok) throw new Error(`/openapi.json answers ${answer.status}`);
    const spec = await answer.json();
    // The document names the address that a server has by default. This page came from the one that is meant.
    spec.servers = [{ url: location.origin }];
    spec.externalDocs ??= { url: "/openapi.json", description: "openapi.json" };
    for (const item of Object.values(spec.paths)) {
      item.parameters = item.parameters?.filter((each) => each.$ref !== "#/components/parameters/X-Request-Id");
      Object.values(item).forEach(shorten);
    }
    return spec;
  }

  // Fields of a form come filled in with their examples: fine for an id, but who lists runs wants no filters.
  // Headers that each and every answer has are said once, in the description of the whole; links are for programs.
  function shorten(operation) {
    for (const parameter of operation.parameters ?? []) {
      if (parameter.required || !parameter.examples) continue;
      const examples = Object.values(parameter.examples).map((each) => `\`${each.value}\``);
      parameter.description += ` Such as ${examples.join(" or ")}.`;
      delete parameter.examples;
    }
    for (const answer of Object.values(operation.responses ?? {})) {
      delete answer.links;
      for (const name of ["X-Request-Id", "request-id", "X-Content-Type-Options"]) delete answer.headers?.[name];
    }
  }

  // A problem is one line until somebody wants to see more of it: an operation may have a dozen.
  const FoldedProblems = () => ({
    wrapComponents: {
      response: (Response, { React }) => function FoldedProblem(props) {
        const [open, setOpen] = React.useState(props.code < "4");
        if (open) return React.createElement(Response, props);
        const unfold = { type: "button", className: "unfold", "aria-expanded": false, onClick: () => setOpen(true) };
        return React.createElement("tr", { className: "response", "data-code": props.code },
          React.createElement("td", { className: "response-col_status" }, props.code),
          React.createElement("td", { className: "response-col_description" },
            React.createElement("button", unfold, props.response.get("description"))),
          React.createElement("td", { className: "response-col_links" }));
      },
    },
  });

  // Swagger UI shows an answer when it is whole, and a stream of events may never be. Only watchers are cut off:
  // to leave a prompt would stop it.
  async function fetchPatiently(url, request) {
    const answer = await fetch(url, request);
    const kind = answer.headers.get("Content-Type") ?? "";
    if (request.method !== "GET" || !/event-stream|ndjson/.test(kind) || !answer.body) return answer;
    return new Response(await firstSeconds(answer.body.getReader()), answer);
  }

  async function firstSeconds(reader) {
    const parts = [];
    const clock = setTimeout(() => {
      parts.push(`\n: the explorer listened for ${LISTEN_MS / 1000} s\n`);
      reader.cancel();
    }, LISTEN_MS);
    for (let part = await reader.read(); !part.done; part = await reader.read()) parts.push(part.value);
    clearTimeout(clock);
    return new Blob(parts);
  }

  function shown(spec) {
    return new Promise((resolve) => {
      SwaggerUIBundle({
        spec,
        domNode: document.getElementById("explorer"),
        layout: "BaseLayout",
        plugins: [FoldedProblems],
        deepLinking: true,
        docExpansion: "list",
        defaultModelsExpandDepth: 0,
        defaultModelExpandDepth: 2,
        displayRequestDuration: true,
        tryItOutEnabled: true,
        requestSnippetsEnabled: true,
        requestSnippets: { languages: ["curl_bash"], defaultExpanded: true },
        validatorUrl: null,
        requestInterceptor: (request) => Object.assign(request, { userFetch: fetchPatiently }),
        onComplete: resolve,
      });
    });
  }

  function wearColours() {
    root.classList.toggle("dark-mode", dark.matches);
  }

  async function explore() {
    const parsed = new Promise((resolve) => document.addEventListener("DOMContentLoaded", resolve));
    const [spec] = await Promise.all([
      specification(),
      load("link", { rel: "stylesheet", href: "/docs/swagger-ui.css" }),
      load("script", { src: "/docs/swagger-ui-bundle.js" }),
      parsed,
    ]);
    // Who needs no key is not asked for one.
    if (!("keys" in document.getElementById("explorer").dataset)) delete spec.components.securitySchemes;
    wearColours();
    dark.addEventListener("change", wearColours);
    swap(true); // before there is anything to see: Swagger UI scrolls to what the address names
    await shown(spec);
  }

  function swap(explorer) {
    document.getElementById("plain").hidden = explorer;
    document.getElementById("explorer").hidden = !explorer;
    root.classList.toggle("explored", explorer);
  }

  function confess(error) {
    swap(false);
    const trouble = document.getElementById("trouble");
    trouble.textContent = `The explorer did not start, so this is the plain page. ${error}`;
    trouble.hidden = false;
  }

  root.classList.add("exploring");
  explore()
    .catch(async (error) => {
      console.error(error);
      if (document.readyState === "loading") {
        await new Promise((resolve) => document.addEventListener("DOMContentLoaded", resolve));
      }
      confess(error);
    })
    .finally(() => root.classList.remove("exploring"));
})();
