/** The version of Budget that this is: what a server answers by /health and in its OpenAPI document. */
export const VERSION = "0.1.0";
