/*
 * Drives the double with GitHub's own client for JavaScript, and says as JSON what it saw:
 * node octokit.mjs NODE_MODULES URL TOKEN OWNER/NAME
 */
import { pathToFileURL } from "node:url";

const [modules, baseUrl, auth, name] = process.argv.slice(2);
const { Octokit } = await import(pathToFileURL(`${modules}/@octokit/rest/dist-src/index.js`).href);
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const octokit = new Octokit({ baseUrl, auth, log: quiet });
const [owner, repo] = name.split("/");

async function refused(call) {
    try {
        await call();
        return 0;
    } catch (error) {
        return error.status;
    }
}

const seen = {};
const { data: issue } = await octokit.rest.issues.create({ owner, repo, title: "By octokit", body: "Text", labels: ["bug"] });
const issue_number = issue.number;
seen.issue = [issue.title, issue.state, issue.labels[0].name];
await octokit.rest.issues.createComment({ owner, repo, issue_number, body: "One" });
const { data: comments } = await octokit.rest.issues.listComments({ owner, repo, issue_number });
seen.comments = comments.map((comment) => comment.body);
const { data: closed } = await octokit.rest.issues.update({ owner, repo, issue_number, state: "closed" });
seen.state = closed.state;
for (let i = 0; i < 7; i++) {
    await octokit.rest.issues.create({ owner, repo, title: `More ${i}` });
}
const all = await octokit.paginate(octokit.rest.issues.listForRepo, { owner, repo, state: "all", per_page: 3, direction: "asc" });
seen.titles = all.map((one) => one.title);

const { data: main } = await octokit.rest.git.getRef({ owner, repo, ref: "heads/main" });
const parent = main.object.sha;
const { data: tree } = await octokit.rest.git.createTree({
    owner, repo, base_tree: parent, tree: [{ path: "a.txt", mode: "100644", type: "blob", content: "by octokit\n" }],
});
const { data: commit } = await octokit.rest.git.createCommit({ owner, repo, message: "Add a.txt", tree: tree.sha, parents: [parent] });
await octokit.rest.git.createRef({ owner, repo, ref: "refs/heads/octokit", sha: commit.sha });
const { data: file } = await octokit.rest.repos.getContent({ owner, repo, path: "a.txt", ref: "octokit" });
seen.file = Buffer.from(file.content, "base64").toString();
const { data: pull } = await octokit.rest.pulls.create({ owner, repo, title: "A file", head: "octokit", base: "main" });
seen.pull = [pull.head.ref, pull.base.ref, pull.state];
await octokit.rest.pulls.requestReviewers({ owner, repo, pull_number: pull.number, reviewers: ["ada"] });
const { data: pulls } = await octokit.rest.pulls.list({ owner, repo });
seen.reviewers = pulls[0].requested_reviewers.map((user) => user.login);
seen.merged = (await octokit.rest.pulls.merge({ owner, repo, pull_number: pull.number })).data.merged;

seen.missing = await refused(() => octokit.rest.issues.get({ owner, repo, issue_number: 9999 }));
seen.invalid = await refused(() => octokit.rest.pulls.create({ owner, repo, title: "No", head: "nowhere", base: "main" }));
seen.again = await refused(() => octokit.rest.pulls.merge({ owner, repo, pull_number: pull.number }));
console.log(JSON.stringify(seen));
