// A user's program on @anthropic-ai/sdk: reads asks on stdin, a line each, and prints what its user gets to see.
// An ask is {do, body, options}; the answer is one line of JSON too. Key and address are in the environment.
import { createInterface } from "node:readline";
import Anthropic from "@anthropic-ai/sdk";

const plain = new Anthropic();

const whole = (answer) => ({
  id: answer.id, model: answer.model, finish: answer.stop_reason,
  text: answer.content.filter((block) => block.type === "text").map((block) => block.text).join(""),
  usage: [answer.usage.input_tokens, answer.usage.output_tokens],
  blocks: answer.content.map((block) => block.type), request_id: answer._request_id ?? null,
});

async function stream(client, body, most = Infinity) {
  const pieces = [], blocks = [];
  let start = null, end = null;
  const { data, response } = await client.messages.create({ ...body, stream: true }).withResponse();
  for await (const event of data) {
    if (event.type === "message_start") start = event.message;
    if (event.type === "message_delta") end = event;
    if (event.type === "content_block_start") blocks.push(event.content_block.type);
    if (event.delta?.type === "text_delta") pieces.push(event.delta.text);
    if (pieces.length >= most) break;
  }
  return {
    ids: 1, pieces, text: pieces.join(""), headers: Object.fromEntries(response.headers), blocks,
    model: start.model, finish: end && end.delta.stop_reason,
    usage: end && [end.usage.input_tokens, end.usage.output_tokens],
  };
}

async function helper(client, body) {
  const pieces = [];
  const events = client.messages.stream(body).on("text", (delta) => pieces.push(delta));
  return { ...whole(await events.finalMessage()), pieces };
}

async function raw(client, body) {
  const { data, response } = await client.messages.create(body).withResponse();
  return { ...whole(data), headers: Object.fromEntries(response.headers) };
}

async function models(client) {
  const ids = [];
  for await (const model of client.models.list({ limit: 2 })) ids.push(model.id);
  return { ids };
}

const DO = {
  "messages.create": async (client, body) => whole(await client.messages.create(body)),
  "messages.raw": raw,
  "messages.stream": (client, body) => stream(client, body),
  "messages.helper": helper,
  "messages.leave": (client, body) => stream(client, body, 2),
  count: async (client, body) => ({ count: (await client.messages.countTokens(body)).input_tokens }),
  models,
  model: async (client, body) => ({ id: (await client.models.retrieve(body.id)).id }),
  elsewhere: (client) => client.messages.batches.list(),
};

const seen = (error) => ({
  class: error.constructor.name, message: error.message, status: error.status ?? null,
  type: error.error?.error?.type ?? null, request_id: error.requestID ?? null,
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
