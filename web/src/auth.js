// Cognito sign-in without a hosted page: InitiateAuth over TLS, tokens for this tab only.
const KEY = "trueup.tokens";
const SAID = {
  NotAuthorizedException: "The name or the password is wrong.",
  UserNotFoundException: "The name or the password is wrong.",
  TooManyRequestsException: "Too many attempts: wait a minute, then try again.",
  LimitExceededException: "Too many attempts: wait a minute, then try again.",
};

export class SignInError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

async function cognito(config, operation, body) {
  let response, answer;
  try {
    response = await fetch(config.cognitoEndpoint, {
      method: "POST",
      headers: {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": `AWSCognitoIdentityProviderService.${operation}`,
      },
      body: JSON.stringify(body),
    });
    answer = await response.json();
  } catch {
    throw new SignInError("Offline", "The sign-in service cannot be reached. Check the connection and try again.");
  }
  if (response.status >= 500) throw new SignInError("Offline", "The sign-in service is in trouble. Try again in a moment.");
  if (!response.ok) throw new SignInError((answer.__type || "").split("#").pop(), answer.message || "Signing in failed.");
  return answer;
}

/** Sign in; answers {challenge} when a first password must be changed. */
export async function signIn(config, username, password) {
  const answer = await cognito(config, "InitiateAuth", {
    ClientId: config.userPoolClientId,
    AuthFlow: "USER_PASSWORD_AUTH",
    AuthParameters: { USERNAME: username, PASSWORD: password },
  }).catch((error) => {
    throw new SignInError(error.code, SAID[error.code] || error.message);
  });
  if (answer.ChallengeName === "NEW_PASSWORD_REQUIRED") return { challenge: answer.Session };
  if (!answer.AuthenticationResult) throw new SignInError("Challenge", `This account needs ${answer.ChallengeName}, which the page lacks.`);
  keep(answer.AuthenticationResult, username);
  return {};
}

export async function changePassword(config, username, password, session) {
  const answer = await cognito(config, "RespondToAuthChallenge", {
    ClientId: config.userPoolClientId,
    ChallengeName: "NEW_PASSWORD_REQUIRED",
    Session: session,
    ChallengeResponses: { USERNAME: username, NEW_PASSWORD: password },
  });
  keep(answer.AuthenticationResult, username);
}

let refreshing = null;

/** Fetch a fresh id token, once for all who wait; false when the session is over. Throws when nobody can tell. */
export function refresh(config) {
  refreshing ??= renew(config).finally(() => (refreshing = null));
  return refreshing;
}

async function renew(config) {
  const tokens = read();
  if (!tokens?.refresh) return false;
  try {
    const answer = await cognito(config, "InitiateAuth", {
      ClientId: config.userPoolClientId,
      AuthFlow: "REFRESH_TOKEN_AUTH",
      AuthParameters: { REFRESH_TOKEN: tokens.refresh },
    });
    keep({ RefreshToken: tokens.refresh, ...answer.AuthenticationResult }, tokens.name);
    return true;
  } catch (error) {
    if (error.code === "Offline") throw error;
    return false;
  }
}

/** Who is signed in: the subject that the API knows them by, and the name to show. */
export function who() {
  const tokens = read();
  if (!tokens) return null;
  const claims = tokens.id.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  return { id: JSON.parse(atob(claims)).sub, name: tokens.name };
}

export const read = () => JSON.parse(sessionStorage.getItem(KEY) || "null");
export const signOut = () => sessionStorage.removeItem(KEY);
const keep = (result, name) =>
  sessionStorage.setItem(KEY, JSON.stringify({ id: result.IdToken, refresh: result.RefreshToken, name }));
