// Parse Server on Express, as in its README, with two processes of Node's cluster module.
// PORT, MONGODB_URI, and LIMITED=1 for rate limits that are never reached.
import cluster from "node:cluster";
import express from "express";
import { ParseServer } from "parse-server";

const { PORT, MONGODB_URI, LIMITED } = process.env;
const PROCESSES = 2;
const rateLimit = [
  { requestPath: "*path", requestTimeWindow: 1000, requestCount: 1e9, includeInternalRequests: true },
];

if (cluster.isPrimary) {
  for (let number = 0; number < PROCESSES; number++) cluster.fork();
} else {
  const server = new ParseServer({
    databaseURI: MONGODB_URI,
    appId: "benchmark",
    masterKey: "the master key of the benchmark",
    serverURL: `http://127.0.0.1:${PORT}/parse`,
    protectedFields: { _User: { "*": ["email"], "role:admin": [] } }, // Admins see addresses.
    rateLimit: LIMITED ? rateLimit : [],
  });
  await server.start();
  const app = express();
  app.use("/parse", server.app);
  app.listen(PORT, "127.0.0.1");
}
