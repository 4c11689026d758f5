// better-auth with its admin plugin on Node's HTTP server, with two processes of the cluster module.
// PORT, MONGODB_URI, BCRYPT_ROUNDS, and LIMITED=1 for a rate limit that is never reached.
import cluster from "node:cluster";
import { createServer } from "node:http";
import { hash, verify } from "@node-rs/bcrypt";
import { betterAuth } from "better-auth";
import { mongodbAdapter } from "better-auth/adapters/mongodb";
import { toNodeHandler } from "better-auth/node";
import { admin } from "better-auth/plugins";
import { MongoClient } from "mongodb";

const { PORT, MONGODB_URI, BCRYPT_ROUNDS, LIMITED } = process.env;
const PROCESSES = 2;
const YEAR = 365 * 24 * 3600;
// better-auth leaves indexes to its users. These are for the fields that it queries.
const INDEXES = {
  user: ["email"],
  account: ["userId"],
  session: ["token", "userId"],
  verification: ["identifier"],
};

async function connect() {
  const client = await new MongoClient(MONGODB_URI).connect();
  for (const [collection, fields] of Object.entries(INDEXES)) {
    for (const field of fields) await client.db().collection(collection).createIndex(field);
  }
  return client;
}

if (cluster.isPrimary) {
  for (let number = 0; number < PROCESSES; number++) cluster.fork();
} else {
  const client = await connect();
  const auth = betterAuth({
    baseURL: `http://127.0.0.1:${PORT}`,
    secret: "a secret of the benchmark with many characters",
    database: mongodbAdapter(client.db(), { client }),
    emailAndPassword: {
      enabled: true,
      password: {
        hash: (password) => hash(password, Number(BCRYPT_ROUNDS)),
        verify: ({ hash, password }) => verify(password, hash),
      },
    },
    session: { expiresIn: YEAR },
    rateLimit: { enabled: Boolean(LIMITED), window: 1, max: 1e9 },
    plugins: [admin()],
  });
  createServer(toNodeHandler(auth)).listen(PORT, "127.0.0.1");
}
