// Verify rollbook's access tokens in Express. Needs: npm install express jose
import express from "express";
import { createRemoteJWKSet, jwtVerify } from "jose";

const { ROLLBOOK_URL, ISSUER = "rollbook", AUDIENCE = "rollbook", PORT = 3000 } = process.env;
const keys = createRemoteJWKSet(new URL("/.well-known/jwks.json", ROLLBOOK_URL));

async function requireUser(request, response, next) {
  try {
    const [scheme, token] = (request.headers.authorization ?? "").split(" ");
    if (scheme.toLowerCase() !== "bearer") throw new Error("no bearer token");
    const { payload } = await jwtVerify(token, keys, {
      issuer: ISSUER,
      audience: AUDIENCE,
      algorithms: ["RS256"],
      typ: "at+jwt",
    });
    request.userId = payload.sub;
    next();
  } catch {
    response.set("WWW-Authenticate", "Bearer").status(401).json({ message: "Sign in first." });
  }
}

const app = express();
app.get("/orders", requireUser, (request, response) => {
  response.json({ owner: request.userId, orders: [] });
});
app.listen(PORT, "127.0.0.1");
