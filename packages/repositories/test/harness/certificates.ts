import forge from "node-forge";

/** A certificate and its key, as files have them. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/** Signs certificates, as an authority does. */
export interface Authority extends Certificate {
  /** @param names what a server is called: host names, and addresses of version 4 */
  issue(common_name: string, names?: readonly string[]): Certificate;
}

const DAY_MS = 86_400_000;
const BITS = 2048;
const IS_ADDRESS = /^[\d.]+$/;

let last_serial = 0;

/** Makes an authority that nobody knows yet. */
export function createAuthority(common_name: string): Authority {
  const keys = forge.pki.rsa.generateKeyPair(BITS);
  const subject = [{ name: "commonName", value: common_name }];
  const own = sign(keys.publicKey, subject, subject, keys.privateKey, [
    { name: "basicConstraints", cA: true },
  ]);
  return {
    certificate: own,
    key: forge.pki.privateKeyToPem(keys.privateKey),
    issue(name, names = []) {
      const pair = forge.pki.rsa.generateKeyPair(BITS);
      const altNames = names.map((one) =>
        IS_ADDRESS.test(one) ? { type: 7, ip: one } : { type: 2, value: one },
      );
      const extensions = altNames.length === 0 ? [] : [{ name: "subjectAltName", altNames }];
      return {
        certificate: sign(
          pair.publicKey,
          [{ name: "commonName", value: name }],
          subject,
          keys.privateKey,
          extensions,
        ),
        key: forge.pki.privateKeyToPem(pair.privateKey),
      };
    },
  };
}

function sign(
  publicKey: forge.pki.PublicKey,
  subject: forge.pki.CertificateField[],
  issuer: forge.pki.CertificateField[],
  issuerKey: forge.pki.rsa.PrivateKey,
  extensions: readonly object[],
): string {
  const certificate = forge.pki.createCertificate();
  last_serial += 1;
  certificate.publicKey = publicKey;
  // A byte before it, so that it is not taken for a negative number.
  certificate.serialNumber = `01${last_serial.toString(16).padStart(8, "0")}`;
  certificate.validity.notBefore = new Date(Date.now() - DAY_MS);
  certificate.validity.notAfter = new Date(Date.now() + DAY_MS);
  certificate.setSubject(subject);
  certificate.setIssuer(issuer);
  certificate.setExtensions([...extensions]);
  certificate.sign(issuerKey, forge.md.sha256.create());
  return forge.pki.certificateToPem(certificate);
}
