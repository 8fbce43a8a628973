// A user's program on the openai package for Node: reads asks on stdin, a line each, and prints what its user gets
// to see. An ask is {do, body, options}; the answer is one line of JSON too. Key and address are in the environment.
import { createInterface } from "node:readline";
import OpenAI from "openai";

const plain = new OpenAI();

const usageOf = (usage) =>
  usage ? [usage.prompt_tokens ?? usage.input_tokens, usage.completion_tokens ?? usage.output_tokens] : null;

const wholeChat = (answer) => ({
  id: answer.id, model: answer.model, text: answer.choices[0].message.content,
  finish: answer.choices[0].finish_reason, usage: usageOf(answer.usage), request_id: answer._request_id,
  blocks: ["text"],
});

const wholeResponse = (answer) => ({
  id: answer.id, model: answer.model, text: answer.output_text, finish: answer.status,
  usage: usageOf(answer.usage), request_id: answer._request_id, blocks: answer.output.map((item) => item.type),
});

const raw = (create, tell) => async (client, body) => {
  const { data, response } = await create(client, body).withResponse();
  return { ...tell(data), headers: Object.fromEntries(response.headers) };
};

async function chatStream(client, body, most = Infinity) {
  const ids = new Set(), pieces = [];
  let finish = null, usage = null, bare = 0;
  const { data, response } = await client.chat.completions.create({ ...body, stream: true }).withResponse();
  for await (const chunk of data) {
    ids.add(`${chunk.id} ${chunk.model} ${chunk.created}`);
    usage = usageOf(chunk.usage) ?? usage;
    bare += chunk.choices.length === 0;
    for (const choice of chunk.choices) {
      if (choice.delta.content) pieces.push(choice.delta.content);
      finish = choice.finish_reason ?? finish;
    }
    if (pieces.length >= most) break;
  }
  return {
    ids: ids.size, pieces, text: pieces.join(""), headers: Object.fromEntries(response.headers), finish, usage,
    bare,
  };
}

async function chatHelper(client, body) {
  const pieces = [];
  const stream = client.chat.completions.stream(body).on("content", (delta) => pieces.push(delta));
  return { ...wholeChat(await stream.finalChatCompletion()), pieces };
}

async function responseStream(client, body, most = Infinity) {
  const ids = new Set(), pieces = [], kinds = [];
  let last = null, counts = true;
  const { data, response } = await client.responses.create({ ...body, stream: true }).withResponse();
  for await (const event of data) {
    counts &&= event.sequence_number === kinds.length;
    kinds.push(event.type);
    last = event.response ?? last;
    if (last) ids.add(`${last.id} ${last.model} ${last.created_at}`);
    if (event.type === "response.output_text.delta") pieces.push(event.delta);
    if (pieces.length >= most) break;
  }
  return {
    ids: ids.size, pieces, text: pieces.join(""), headers: Object.fromEntries(response.headers), counts,
    finish: last.status, usage: usageOf(last.usage), last: kinds.at(-1),
    failure: last.error && { code: last.error.code, message: last.error.message },
  };
}

async function responseHelper(client, body) {
  const pieces = [];
  const stream = client.responses.stream(body).on("response.output_text.delta", (event) => pieces.push(event.delta));
  return { ...wholeResponse(await stream.finalResponse()), pieces };
}

async function models(client) {
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  return { ids };
}

const chat = (client, body) => client.chat.completions.create(body);
const respond = (client, body) => client.responses.create(body);

const DO = {
  "chat.create": async (client, body) => wholeChat(await chat(client, body)),
  "chat.raw": raw(chat, wholeChat),
  "chat.stream": (client, body) => chatStream(client, body),
  "chat.helper": chatHelper,
  "chat.leave": (client, body) => chatStream(client, body, 2),
  "responses.create": async (client, body) => wholeResponse(await respond(client, body)),
  "responses.raw": raw(respond, wholeResponse),
  "responses.stream": (client, body) => responseStream(client, body),
  "responses.helper": responseHelper,
  "responses.leave": (client, body) => responseStream(client, body, 2),
  models,
  model: async (client, body) => ({ id: (await client.models.retrieve(body.id)).id }),
  elsewhere: (client) => client.embeddings.create({ model: "demo", input: "hello" }),
};

const seen = (error) => ({
  class: error.constructor.name, message: error.message, status: error.status ?? null, code: error.code ?? null,
  type: error.type ?? null, param: error.param ?? null, request_id: error.requestID ?? null,
});

// Python says seconds and max_retries, Node milliseconds and maxRetries.
const optionsOf = ({ timeout, max_retries, base_url, api_key }) => ({
  ...(timeout === undefined ? {} : { timeout: timeout * 1000 }),
  ...(max_retries === undefined ? {} : { maxRetries: max_retries }),
  ...(base_url === undefined ? {} : { baseURL: base_url }),
  ...(api_key === undefined ? {} : { apiKey: api_key }),
});

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  let told;
  try {
    told = await DO[asked.do](plain.withOptions(optionsOf(asked.options)), asked.body);
  } catch (error) {
    told = { error: seen(error) };
  }
  process.stdout.write(JSON.stringify(told) + "\n");
}
