// Cognito sign-in without a hosted page: InitiateAuth over TLS, tokens for this tab only.
const KEY = "trueup.tokens";

export class SignInError extends Error {}

async function cognito(config, operation, body) {
  const response = await fetch(config.cognitoEndpoint, {
    method: "POST",
    headers: {
      "Content-Type": "application/x-amz-json-1.1",
      "X-Amz-Target": `AWSCognitoIdentityProviderService.${operation}`,
    },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new SignInError(answer.message || "Signing in failed.");
  return answer;
}

/** Sign in; answers {challenge} when a first password must be changed. */
export async function signIn(config, username, password) {
  const answer = await cognito(config, "InitiateAuth", {
    ClientId: config.userPoolClientId,
    AuthFlow: "USER_PASSWORD_AUTH",
    AuthParameters: { USERNAME: username, PASSWORD: password },
  });
  if (answer.ChallengeName === "NEW_PASSWORD_REQUIRED") return { challenge: answer.Session };
  if (!answer.AuthenticationResult) throw new SignInError(`This account needs ${answer.ChallengeName}, which the page lacks.`);
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

/** Fetch a fresh id token; false when the session is over. */
export async function refresh(config) {
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
  } catch {
    return false;
  }
}

export const read = () => JSON.parse(sessionStorage.getItem(KEY) || "null");
export const signOut = () => sessionStorage.removeItem(KEY);
const keep = (result, name) =>
  sessionStorage.setItem(KEY, JSON.stringify({ id: result.IdToken, refresh: result.RefreshToken, name }));
