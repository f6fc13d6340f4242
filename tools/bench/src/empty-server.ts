import type { AddressInfo } from "node:net";
import express from "express";

/**
 * The other baseline: Express with routes that do nothing, one for a bare GET, and one that reads the same JSON body as
 * an allocation. Tells its parent the port.
 */
const app = express();
app.disable("x-powered-by");
app.set("etag", false);
app.get("/empty", (_request, response) => {
  response.json({});
});
app.post("/empty", express.json(), (_request, response) => {
  response.json({});
});
const server = app.listen(0, "127.0.0.1", () => {
  process.send?.({ port: (server.address() as AddressInfo).port });
});
process.once("disconnect", () => process.exit(0));
