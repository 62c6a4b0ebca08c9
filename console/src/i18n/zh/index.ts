import audit from "./audit";
import camera from "./camera";
import cameras from "./cameras";
import frame from "./frame";
import incidents from "./incidents";
import login from "./login";
import now from "./now";
import proposals from "./proposals";
import setup from "./setup";
import tokens from "./tokens";
import users from "./users";
import wall from "./wall";

export default { audit, camera, cameras, frame, incidents, login, now, proposals, setup, tokens, users, wall };
