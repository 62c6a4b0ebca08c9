export default {
  title: "摄像机",
};
