"use strict";

const element = (id) => document.getElementById(id);
const BASE64_CHUNK = 0x8000;

/** The body of the request: MessagePack of the JSON that stands in the form. Throws SyntaxError. */
function packed() {
  return MessagePack.encode(JSON.parse(element("body").value));
}

function base64(bytes) {
  let text = "";
  for (let begin = 0; begin < bytes.length; begin += BASE64_CHUNK) {
    text += String.fromCharCode(...bytes.subarray(begin, begin + BASE64_CHUNK));
  }
  return btoa(text);
}

/** A word for a POSIX shell. */
function quoted(text) {
  return "'" + text.replaceAll("'", "'\\''") + "'";
}

function showCurl() {
  const token = element("token").value || "YOUR_PUBLIC_TOKEN";
  try {
    element("curl").textContent =
      `echo ${base64(packed())} | base64 -d |\n` +
      `curl ${quoted(location.origin + element("path").value)} -H ${quoted("x-public-token: " + token)} \\\n` +
      `  -H 'Content-Type: application/msgpack' --data-binary @-`;
  } catch (error) {
    element("curl").textContent = `The body is not JSON: ${error.message}`;
  }
}

async function send(event) {
  event.preventDefault();
  const answer = element("answer");
  let body;
  try {
    body = packed();
  } catch (error) {
    answer.textContent = `Nothing was sent, the body is not JSON: ${error.message}`;
    return;
  }
  answer.textContent = `Sending ${body.length} bytes of MessagePack…`;
  try {
    const got = await fetch(element("path").value, {
      method: "POST",
      headers: { "x-public-token": element("token").value, "content-type": "application/msgpack" },
      body,
      credentials: "omit",
    });
    answer.textContent = `${got.status} ${got.statusText}\n${await got.text()}`;
  } catch (error) {
    answer.textContent = `No answer came: ${error.message}`;
  }
}

element("console").addEventListener("submit", send);
element("console").addEventListener("input", showCurl);
element("sample").addEventListener("change", () => {
  element("body").value = element("sample").value;
  showCurl();
});
showCurl();
