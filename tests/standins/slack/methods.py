"""What each Web API method does to the workspace. A method returns its answer or raises Refusal."""

import asyncio
import json
import re
import time
from collections.abc import Callable

from tests.standins.slack.validate import problems as view_problems
from tests.standins.slack.wire import Json
from tests.standins.slack.world import Channel, File, Message, Private, View, Workspace

CHANNEL_ID = re.compile(r"^[CGDZ][A-Z0-9]+$")
FILE_ID = re.compile(r"^F[A-Z0-9]{8,}$")


class Refusal(Exception):
    def __init__(self, error: str, **more: object) -> None:
        super().__init__(error)
        self.answer: Json = {"ok": False, "error": error, **more}


class Methods:
    """``base`` is the stand-in's own address, known once it listens."""

    def __init__(self) -> None:
        self.base = ""
        self.share_delay = 0.05  #: seconds from a completed upload to its message
        self.trigger_seconds = 3.0
        self.triggers: dict[str, tuple[float, str]] = {}  #: trigger id -> when it was made, whose
        self.tickets: list[str] = []
        self.tasks: set[asyncio.Task[None]] = set()

    def run(self, workspace: Workspace, method: str, arguments: Json) -> Json:
        handler: Callable[[Workspace, Json], Json] | None = getattr(self, method.replace(".", "_"), None)
        if handler is None:
            raise Refusal("unknown_method")
        return {"ok": True, **handler(workspace, arguments)}

    # -- the app itself

    def auth_test(self, workspace: Workspace, _: Json) -> Json:
        return {
            "url": "https://acme.slack.com/", "team": "acme", "user": "imagine-bot", "team_id": workspace.team,
            "user_id": workspace.bot_user, "bot_id": workspace.bot_id, "is_enterprise_install": False,
        }  # fmt: skip

    def apps_connections_open(self, _: Workspace, __: Json) -> Json:
        ticket = f"t{len(self.tickets)}"
        self.tickets.append(ticket)
        return {"url": f"{self.base.replace('http', 'ws', 1)}/link/?ticket={ticket}"}

    def oauth_v2_access(self, workspace: Workspace, given: Json) -> Json:
        """A code once, or a refresh token once: each use gives a new pair."""
        number = len(workspace.old_tokens) + 1
        if given.get("grant_type") == "refresh_token":
            if given["refresh_token"] != workspace.refresh:
                raise Refusal("invalid_refresh_token")
            workspace.old_tokens.append(workspace.token)
            workspace.token = f"xoxe-{workspace.team}-{number}"
        workspace.refresh = f"refresh-{workspace.team}-{number}"
        team = {"id": workspace.team, "name": workspace.team.lower()}
        rotating = {"refresh_token": workspace.refresh, "expires_in": workspace.token_seconds}
        return {
            "access_token": workspace.token, "token_type": "bot", "scope": ",".join(workspace.scopes), "app_id": "A1",
            "bot_user_id": workspace.bot_user, "team": None if workspace.org_wide else team,
            "enterprise": {"id": workspace.enterprise} if workspace.enterprise else None,
            "is_enterprise_install": workspace.org_wide, "authed_user": {"id": "U1"},
            **(rotating if workspace.token_seconds else {}),
        }  # fmt: skip

    # -- messages

    def chat_postMessage(self, workspace: Workspace, given: Json) -> Json:  # noqa: N802 - Slack's name
        channel = self._joined(workspace, given["channel"])
        thread = given.get("thread_ts", "")
        if thread and workspace.message(channel.id, thread) is None:
            raise Refusal("thread_not_found")
        if not given.get("text") and not given.get("blocks"):
            raise Refusal("no_text")
        message = Message(
            channel.id, workspace.new_ts(), workspace.bot_user, given.get("text", ""), given.get("blocks") or [],
            thread, given.get("metadata") or {},
        )  # fmt: skip
        workspace.messages.append(message)
        return {"channel": channel.id, "ts": message.ts, "message": message.payload()}

    def chat_update(self, workspace: Workspace, given: Json) -> Json:
        channel = self._joined(workspace, given["channel"])
        message = workspace.message(channel.id, given["ts"])
        if message is None:
            raise Refusal("message_not_found")
        if message.user != workspace.bot_user:
            raise Refusal("cant_update_message")
        message.history.append({"text": message.text, "blocks": message.blocks})
        message.text, message.blocks = given.get("text", ""), given.get("blocks") or []
        return {"channel": channel.id, "ts": message.ts, "text": message.text}

    def chat_delete(self, workspace: Workspace, given: Json) -> Json:
        message = workspace.message(given["channel"], given["ts"])
        if message is None:
            raise Refusal("message_not_found")
        message.deleted = True
        return {"channel": given["channel"], "ts": given["ts"]}

    def chat_getPermalink(self, workspace: Workspace, given: Json) -> Json:  # noqa: N802 - Slack's name
        channel, ts = given["channel"], given["message_ts"]
        if workspace.message(channel, ts) is None:
            raise Refusal("message_not_found")
        return {"channel": channel, "permalink": f"https://acme.slack.com/archives/{channel}/p{ts.replace('.', '')}"}

    def chat_postEphemeral(self, workspace: Workspace, given: Json) -> Json:  # noqa: N802 - Slack's name
        channel = self._joined(workspace, given["channel"])
        if given["user"] not in channel.members:
            raise Refusal("user_not_in_channel")
        workspace.private.append(
            Private(
                given["user"], channel.id, given.get("text", ""), given.get("blocks") or [], given.get("thread_ts", "")
            )
        )
        return {"message_ts": workspace.new_ts()}

    def _joined(self, workspace: Workspace, channel_id: str) -> Channel:
        channel = workspace.channels.get(channel_id)
        if channel is None and channel_id.startswith("U"):
            channel = workspace.dm(channel_id)
        if channel is None or (channel.private and workspace.bot_user not in channel.members):
            raise Refusal("channel_not_found")
        if workspace.bot_user not in channel.members:
            raise Refusal("not_in_channel")
        if channel.archived:
            raise Refusal("is_archived")
        return channel

    # -- files

    def files_getUploadURLExternal(self, workspace: Workspace, given: Json) -> Json:  # noqa: N802 - Slack's name
        file_id = workspace.new_id("F")
        ticket = f"{workspace.team}-{file_id}"
        file = File(file_id, given["filename"], int(given["length"]), given.get("alt_txt", ""), ticket)
        workspace.files[file_id] = file
        return {"upload_url": f"{self.base}/upload/v1/{ticket}", "file_id": file_id}

    def files_completeUploadExternal(self, workspace: Workspace, given: Json) -> Json:  # noqa: N802 - Slack's name
        files = [self._uploaded(workspace, each["id"]) for each in given["files"]]
        channel = self._joined(workspace, given["channel_id"]) if given.get("channel_id") else None
        if given.get("channel_id") and not CHANNEL_ID.match(given["channel_id"]):
            raise Refusal("invalid_arguments")
        for file, named in zip(files, given["files"], strict=True):
            file.completed, file.title = True, named.get("title", "")
        if channel is not None:
            share = self._share(workspace, channel, files, given)
            task = asyncio.ensure_future(share)
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        return {"files": [{"id": file.id, "title": file.title} for file in files]}

    def _uploaded(self, workspace: Workspace, file_id: str) -> File:
        file = workspace.files.get(file_id)
        if file is None or file.deleted or len(file.data) != file.length:
            raise Refusal("file_not_found")
        return file

    async def _share(self, workspace: Workspace, channel: Channel, files: list[File], given: Json) -> None:
        """A second completion shares a second time: that is the bot's to avoid."""
        await asyncio.sleep(self.share_delay)
        thread = given.get("thread_ts", "")
        text = given.get("initial_comment", "")
        message = Message(channel.id, workspace.new_ts(), workspace.bot_user, text, [], thread, files=files)
        workspace.messages.append(message)
        for file in files:
            file.shares.append((channel.id, message.ts, thread))

    def files_info(self, workspace: Workspace, given: Json) -> Json:
        file = workspace.files.get(given["file"])
        if file is None or not file.completed or file.deleted:
            raise Refusal("file_deleted" if file and file.deleted else "file_not_found")
        return {"file": file.payload()}

    def files_delete(self, workspace: Workspace, given: Json) -> Json:
        file = workspace.files.get(given["file"])
        if file is None or file.deleted:
            raise Refusal("file_deleted" if file else "file_not_found")
        file.deleted = True
        return {}

    # -- forms

    def views_open(self, workspace: Workspace, given: Json) -> Json:
        user = self._triggered(given["trigger_id"])
        if len(json.dumps(given["view"])) > 250_000:
            raise Refusal("view_too_large")
        if view_problems("views.open", {"view": given["view"], "trigger_id": ""}):
            raise Refusal("invalid_arguments")
        view = View(workspace.new_id("V"), user, given["view"])
        workspace.views.append(view)
        return {"view": {**view.content, "id": view.id}}

    def _triggered(self, trigger: str) -> str:
        if trigger not in self.triggers:
            raise Refusal("invalid_trigger_id")
        made, user = self.triggers[trigger]
        if not user:
            raise Refusal("exchanged_trigger_id")
        if time.monotonic() - made > self.trigger_seconds:
            raise Refusal("expired_trigger_id")
        self.triggers[trigger] = (made, "")
        return user

    # -- workflow steps

    def functions_completeSuccess(self, workspace: Workspace, given: Json) -> Json:  # noqa: N802 - Slack's name
        run = self._running(workspace, given["function_execution_id"])
        outputs = given["outputs"]
        if not isinstance(outputs.get("file_ids"), list) or not isinstance(outputs.get("permalinks"), list):
            raise Refusal("parameter_validation_failed")
        run["outputs"] = outputs
        return {}

    def functions_completeError(self, workspace: Workspace, given: Json) -> Json:  # noqa: N802 - Slack's name
        self._running(workspace, given["function_execution_id"])["error"] = given["error"]
        return {}

    def _running(self, workspace: Workspace, execution: str) -> Json:
        run = workspace.functions.get(execution)
        if run is None:
            raise Refusal("function_execution_not_found")
        if run.get("outputs") or run.get("error"):
            raise Refusal("execution_not_in_running_state")
        return run

    # -- people and places

    def conversations_info(self, workspace: Workspace, given: Json) -> Json:
        channel = workspace.channels.get(given["channel"])
        if channel is None or (channel.private and workspace.bot_user not in channel.members):
            raise Refusal("channel_not_found")
        facts = {"is_member": workspace.bot_user in channel.members, "is_archived": channel.archived}
        return {"channel": {"id": channel.id, "name": channel.name, **facts}}

    def conversations_open(self, workspace: Workspace, given: Json) -> Json:
        return {"channel": {"id": workspace.dm(given["users"]).id}}

    def users_info(self, workspace: Workspace, given: Json) -> Json:
        return {"user": {"id": given["user"], "is_admin": given["user"] in workspace.admins, "is_owner": False}}

    def usergroups_users_list(self, workspace: Workspace, given: Json) -> Json:
        members = workspace.usergroups.get(given["usergroup"])
        if members is None:
            raise Refusal("no_such_subteam")
        return {"users": sorted(members)}
