// A Redis client of few words: commands as arrays of strings over a unix socket, replies in order.
import net from 'node:net';

export class Redis {
  static connect(path) {
    return new Promise((resolve, reject) => {
      const socket = net.createConnection(path);
      socket.once('error', reject);
      socket.once('connect', () => resolve(new Redis(socket)));
    });
  }

  constructor(socket) {
    this.socket = socket;
    this.waiting = [];
    this.bytes = Buffer.alloc(0);
    socket.on('data', (data) => this.#take(data));
    socket.on('error', () => {});
    socket.on('close', () => this.#fail(new Error('Redis closed the connection')));
  }

  send(...args) {
    const parts = args.map((arg) => {
      const text = String(arg);
      return `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
    });
    this.socket.write(`*${args.length}\r\n${parts.join('')}`);
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
  }

  close() {
    this.socket.destroy();
  }

  #fail(error) {
    for (const { reject } of this.waiting.splice(0)) reject(error);
  }

  #take(data) {
    this.bytes = Buffer.concat([this.bytes, data]);
    for (let reply; this.waiting.length && (reply = parse(this.bytes, 0)); ) {
      this.bytes = this.bytes.subarray(reply.end);
      const { resolve, reject } = this.waiting.shift();
      if (reply.value instanceof Error) reject(reply.value);
      else resolve(reply.value);
    }
  }
}

// { value, end } of the reply that begins at `at`, or null if it is not all there.
function parse(bytes, at) {
  const eol = bytes.indexOf('\r\n', at);
  if (eol < 0) return null;
  const line = bytes.toString('utf8', at + 1, eol);
  const end = eol + 2;
  switch (String.fromCharCode(bytes[at])) {
    case '+':
      return { value: line, end };
    case '-':
      return { value: new Error(line), end };
    case ':':
      return { value: Number(line), end };
    case '$':
      return parseBulk(bytes, end, Number(line));
    default:
      return parseArray(bytes, end, Number(line));
  }
}

function parseBulk(bytes, at, length) {
  if (length < 0) return { value: null, end: at };
  if (bytes.length < at + length + 2) return null;
  return { value: bytes.toString('utf8', at, at + length), end: at + length + 2 };
}

function parseArray(bytes, at, length) {
  if (length < 0) return { value: null, end: at };
  const value = [];
  let end = at;
  for (let i = 0; i < length; i++) {
    const item = parse(bytes, end);
    if (!item) return null;
    value.push(item.value);
    end = item.end;
  }
  return { value, end };
}
