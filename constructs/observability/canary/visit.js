// A canary visits an address as a person would: it has to answer in time, with the status and the text that are expected.
// It needs nothing of the Synthetics library, so that any Node.js can run it.
"use strict";

const settings = () => ({
  url: process.env.VISIT_URL,
  text: process.env.VISIT_TEXT || "",
  below: Number(process.env.VISIT_STATUS_BELOW || "400"),
  milliseconds: Number(process.env.VISIT_MILLISECONDS || "10000"),
});

exports.handler = async () => {
  const { url, text, below, milliseconds } = settings();
  const start = Date.now();
  let answer;
  try {
    answer = await fetch(url, { signal: AbortSignal.timeout(milliseconds), headers: { "user-agent": "batbern-canary" } });
  } catch (cause) {
    throw new Error(`${url}: no answer within ${milliseconds} ms: ${cause.message}`);
  }
  if (answer.status >= below) {
    throw new Error(`${url}: found status ${answer.status}, wanted less than ${below}`);
  }
  const body = await answer.text();
  if (!body.includes(text)) {
    throw new Error(`${url}: the answer of ${body.length} characters has no ${JSON.stringify(text)} in it`);
  }
  return `${url}: ${answer.status} after ${Date.now() - start} ms`;
};
