// Show the OpenAPI document, and sign in for "Try it out". The token is kept over a reload.
const SCHEME = "accessToken";
const form = document.getElementById("sign-in");
const output = form.querySelector("output");

const ui = SwaggerUIBundle({
  url: document.body.dataset.document,
  dom_id: "#swagger-ui",
  deepLinking: true,
  tryItOutEnabled: true,
  persistAuthorization: true,
  validatorUrl: null,
});

async function signIn(account, password) {
  const name = account.includes("@") ? "email" : "username";
  const response = await fetch(document.body.dataset.login, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ [name]: account, password }),
  });
  const { data, message } = await response.json();
  if (!response.ok) throw new Error(message);
  const schema = ui.specSelectors.specJson().getIn(["components", "securitySchemes", SCHEME]);
  ui.authActions.authorizeWithPersistOption({
    [SCHEME]: { name: SCHEME, schema, value: data.access_token },
  });
  return data.user.name;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { account, password } = form.elements;
  try {
    output.value = `Signed in as ${await signIn(account.value, password.value)}.`;
    password.value = "";
  } catch (error) {
    output.value = error.message;
  }
});
